import * as pulumi from "@pulumi/pulumi";
import { minorOf } from "../../lib/version.ts";
import { namespaces } from "../../plan/namespaces.ts";
import { VOLUME_HELPER_MEMORY, workload } from "../../plan/workloads.ts";
import { base64 } from "../kubernetes/base64.ts";
import { createInOrder, createObjects } from "../kubernetes/create.ts";
import { namespaceObject } from "../kubernetes/namespaces.ts";
import type { KubeObject } from "../kubernetes/objects.ts";
import { namespacePolicies } from "../kubernetes/policies.ts";
import { priorityClasses } from "../kubernetes/priorities.ts";
import { createLeaf, createRoot } from "../pki/index.ts";
import { adminAccess } from "./access.ts";
import type { PlatformArgs } from "./args.ts";
import {
  METRICS_SERVER_DNS,
  METRICS_SERVER_PORT,
  type MetricsServerConfig,
  metricsServer,
} from "./metrics-server.ts";
import { metricsServerPolicy, storagePolicy, traefikPolicy } from "./policies.ts";
import { storage } from "./storage.ts";
import { traefik } from "./traefik.ts";

/**
 * What the program runs in the cluster before anybody's application: access, namespaces with their policies, ingress,
 * metrics, storage. Expects the Kubernetes provider in `opts.providers`.
 *
 * Order: namespaces and priorities → policies, accounts, configuration → pods → what is served by pods. A pod never
 * starts in a namespace that is still open.
 */
export class Platform extends pulumi.ComponentResource {
  /** Depending on these means depending on a working ingress, metrics and storage. */
  readonly ready: readonly pulumi.Resource[];

  /** Depending on these means depending on namespaces with their priorities and policies, and on nothing that runs. */
  readonly closed: readonly pulumi.Resource[];

  private readonly name: string;
  private readonly args: PlatformArgs;

  constructor(name: string, args: PlatformArgs, opts: pulumi.ComponentResourceOptions) {
    super("gardenos:infra:Platform", name, {}, opts);
    this.name = name;
    this.args = args;
    const spaces = namespaces(args);
    const version = `v${minorOf(args.kubernetesVersion)}`;
    const ground = createObjects(
      [...adminAccess(), ...priorityClasses(), ...spaces.map((space) => namespaceObject(space, version))],
      { parent: this, dependsOn: args.after },
    );
    const closed = createObjects(spaces.flatMap(namespacePolicies), { parent: this, dependsOn: ground });
    const subjects = args.profile === "full" ? this.subjects() : [];
    const made = subjects.map((objects) => createInOrder(objects, { parent: this, dependsOn: closed }));
    this.closed = closed;
    this.ready = [...closed, ...made.flat()];
    this.registerOutputs({});
  }

  /** Each with the policy that opens what it needs. */
  private subjects(): KubeObject[][] {
    const { network, images } = this.args;
    const provisioner = workload("local-path-provisioner");
    return [
      ...(this.args.ingress.class === "traefik" ? [this.traefik()] : []),
      [metricsServerPolicy(network, METRICS_SERVER_PORT), ...metricsServer(this.metricsServer())],
      [
        storagePolicy(network),
        ...storage({
          image: images.localPathProvisioner,
          helperImage: images.busybox,
          memory: provisioner.memory,
          helperMemory: VOLUME_HELPER_MEMORY,
        }),
      ],
    ];
  }

  private traefik(): KubeObject[] {
    const { network, images, ingress, entry } = this.args;
    const served = namespaces(this.args).filter((space) => space.ingress);
    return [
      traefikPolicy(network),
      ...traefik({
        image: images.traefik,
        ...ingress,
        entry,
        nodeIps: network.nodeIps,
        namespaces: served.map((space) => space.name),
      }),
    ];
  }

  /** Its certificate comes from an authority of its own, whose key signs nothing else in the cluster. */
  private metricsServer(): MetricsServerConfig {
    const name = `${this.name}-metrics-server`;
    const authority = createRoot(`${name}-ca`, "GardenOS metrics-server CA", this);
    const leaf = createLeaf(name, authority, { dnsNames: [METRICS_SERVER_DNS], uses: ["server_auth"] }, this);
    const { memory, pods } = workload("metrics-server");
    return {
      image: this.args.images.metricsServer,
      memory,
      replicas: Math.min(pods, this.args.network.nodeIps.length),
      tls: {
        ca: base64(authority.cert),
        cert: base64(leaf.cert),
        key: pulumi.secret(base64(leaf.key)),
      },
    };
  }
}
