/** What a service is made of in Kubernetes. */
import type * as pulumi from "@pulumi/pulumi";
import type { Autoscale } from "../../plan/services.ts";
import type { KubeObject } from "../kubernetes/objects.ts";
import { disruptionBudget, labels, selector, serviceAccount } from "../kubernetes/pods.ts";
import { deployment, ingress } from "../kubernetes/workloads.ts";
import type { FastApiServicesArgs } from "./args.ts";
import { type PodInput, podLabels, servicePod } from "./pods.ts";

export interface ServiceInput extends PodInput {
  readonly namespace: string;
  /** Another one replaces the pods: they read Secrets when they start. */
  readonly configHash: pulumi.Input<string>;
  readonly ingress: FastApiServicesArgs["ingress"];
}

function autoscaler(metadata: ServiceMetadata, { min, max, cpuPercent }: Autoscale): KubeObject {
  return {
    apiVersion: "autoscaling/v2",
    kind: "HorizontalPodAutoscaler",
    metadata,
    spec: {
      scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: metadata.name },
      minReplicas: min,
      maxReplicas: max,
      metrics: [
        {
          type: "Resource",
          resource: { name: "cpu", target: { type: "Utilization", averageUtilization: cpuPercent } },
        },
      ],
    },
  };
}

interface ServiceMetadata {
  readonly name: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
}

const scrape = (port: number) => ({
  "prometheus.io/scrape": "true",
  "prometheus.io/port": String(port),
  "prometheus.io/path": "/metrics",
});

/** Everything of one service but its policies, its Secrets and its migration. */
export function serviceObjects(input: ServiceInput): KubeObject[] {
  const { name, namespace, service } = input;
  const metadata = { name, namespace, labels: labels(name) };
  return [
    serviceAccount(namespace, name),
    deployment({
      ...{ namespace, name, pod: servicePod(input), configHash: input.configHash },
      ...("replicas" in service.pods && { replicas: service.pods.replicas }),
      ...{ podLabels: podLabels(service), podAnnotations: scrape(service.port) },
    }),
    ...("autoscale" in service.pods ? [autoscaler(metadata, service.pods.autoscale)] : []),
    disruptionBudget(namespace, name),
    {
      apiVersion: "v1",
      kind: "Service",
      metadata,
      spec: {
        selector: selector(name),
        ports: [{ name: "http", port: 80, targetPort: "http", protocol: "TCP" }],
      },
    },
    ...(service.host === undefined
      ? []
      : [ingress({ ...{ namespace, name, hosts: [service.host] }, ...input.ingress })]),
  ];
}
