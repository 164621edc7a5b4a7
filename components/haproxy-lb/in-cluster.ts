import * as pulumi from "@pulumi/pulumi";
import { shortHash } from "../../lib/sha256.ts";
import { createInOrder } from "../kubernetes/create.ts";
import { type InClusterSettings, inClusterConfig, inClusterObjects } from "./in-cluster-objects.ts";

export interface InClusterHaproxyArgs extends InClusterSettings {
  readonly after: readonly pulumi.Resource[];
}

/**
 * HAProxy in the cluster: what the Services `postgres-primary` and `postgres-replica` lead to. Pods with the same text as
 * the nodes' HAProxy, because a Service alone can't tell who leads. Expects the Kubernetes provider in `opts.providers`.
 */
export class InClusterHaproxy extends pulumi.ComponentResource {
  /** Depending on these means depending on pods that answer; Postgres behind them may be down. */
  readonly ready: readonly pulumi.Resource[];

  constructor(name: string, args: InClusterHaproxyArgs, opts: pulumi.ComponentResourceOptions) {
    super("gardenos:infra:InClusterHaproxy", name, {}, opts);
    const fingerprint = pulumi.output(args.caPem).apply((pem) => shortHash(inClusterConfig(args) + pem));
    this.ready = createInOrder(inClusterObjects({ ...args, fingerprint }), {
      parent: this,
      dependsOn: args.after,
    });
    this.registerOutputs({});
  }
}
