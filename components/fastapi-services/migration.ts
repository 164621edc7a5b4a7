/** The Job that migrates a service's database before its new pods start. */

import { DATABASE_LABEL } from "../kubernetes/namespaces.ts";
import type { KubeObject } from "../kubernetes/objects.ts";
import { labels } from "../kubernetes/pods.ts";
import { type MigrationInput, migrationPod } from "./pods.ts";

export interface MigrationJob extends MigrationInput {
  readonly namespace: string;
  /** The service's name. */
  readonly service: string;
}

/** A migration that takes longer is one for a plan of its own. */
const DEADLINE_SECONDS = 3600;

/**
 * A pod is not changed, so another image or command is another pod: Pulumi replaces the Job. So it does with one that has failed, when
 * the program runs again (`replaceUnready`): what it failed by may be mended in the database.
 */
export function migrationJob(input: MigrationJob): KubeObject {
  const { name, namespace, service } = input;
  const metadata = { name, namespace, labels: labels(name) };
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { ...metadata, annotations: { "pulumi.com/replaceUnready": "true" } },
    spec: {
      backoffLimit: 0,
      activeDeadlineSeconds: DEADLINE_SECONDS,
      template: {
        metadata: { labels: { ...labels(name), ...DATABASE_LABEL, "gardenos/migrates": service } },
        spec: migrationPod(input),
      },
    },
  };
}

/** Name of a service's migration. */
export const migrationName = (service: string): string => `${service}-migrate`;
