/** Making resources of objects, in the order that Kubernetes and Pulumi's waiting need. */
import type * as pulumi from "@pulumi/pulumi";
import { createObject, isWorkload, type KubeObject } from "./objects.ts";

const LAST: readonly string[] = ["APIService", "HorizontalPodAutoscaler", "Ingress"];

interface CreateOptions {
  readonly parent: pulumi.Resource;
  readonly dependsOn: readonly pulumi.Resource[];
}

/** All at once. */
export function createObjects(
  objects: readonly KubeObject[],
  { parent, dependsOn }: CreateOptions,
): pulumi.Resource[] {
  return objects.map((object) => createObject(object, { parent, dependsOn: [...dependsOn] }));
}

/**
 * What belongs together: accounts, policies and configuration → pods and Services → APIs. A Service waits for its
 * pods and an API for its Service. So pods do not wait for the Service, and what leads to one or counts on one comes last.
 */
export function createInOrder(
  objects: readonly KubeObject[],
  { parent, dependsOn }: CreateOptions,
): pulumi.Resource[] {
  const isLast = ({ kind }: KubeObject) => LAST.includes(kind);
  const isServed = (object: KubeObject) => isWorkload(object) || object.kind === "Service";
  const base = createObjects(
    objects.filter((object) => !isServed(object) && !isLast(object)),
    { parent, dependsOn },
  );
  const served = createObjects(objects.filter(isServed), { parent, dependsOn: base });
  return [...served, ...createObjects(objects.filter(isLast), { parent, dependsOn: served })];
}
