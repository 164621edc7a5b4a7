import * as hcloud from "@pulumi/hcloud";
import * as pulumi from "@pulumi/pulumi";
import type { DnsPlan } from "../../plan/plan.ts";
import { PORTS } from "../../plan/ports.ts";
import type { EntryArgs } from "./args.ts";

/** Ports that clients outside use; the same at the load balancer and on the nodes. */
const SERVICES = {
  api: PORTS.kubernetesApi.port,
  http: PORTS.http.port,
  https: PORTS.https.port,
} as const;

/**
 * Hetzner's shortest interval. A node that has gone silent gets no more connections after 3 + 3 + 2 s at most: one
 * interval until the first check, another until the second, and its time-out.
 */
const HEALTH_CHECK = {
  protocol: "http",
  port: PORTS.haproxyMonitor.port,
  interval: 3,
  timeout: 2,
  retries: 2,
  http: { path: "/healthz", statusCodes: ["200"] },
};

/**
 * How clients outside find the nodes: a load balancer that hands on connections with a PROXY header, DNS records with
 * every node, or nothing but the nodes' own addresses.
 */
export class Entry extends pulumi.ComponentResource {
  /** Addresses that answer to clients outside: the load balancer's, or the nodes' public ones. */
  readonly addresses: pulumi.Output<string[]>;
  /** Name or address in the URL of the Kubernetes API; its certificate must have it. */
  readonly apiHost: pulumi.Output<string>;
  /** DNS name of the API, where the program makes one. */
  readonly name?: string;

  private readonly args: EntryArgs;

  constructor(name: string, args: EntryArgs, opts?: pulumi.ComponentResourceOptions) {
    super("gardenos:infra:Entry", name, {}, opts);
    this.args = args;
    const publicIps = pulumi.all(Object.values(args.nodes).map((node) => node.publicIp));
    const { kind, dns } = args.plan;
    if (kind === "load-balancer") {
      const { ipv4 } = this.createLoadBalancer(name);
      this.addresses = ipv4.apply((ip) => [ip]);
      this.apiHost = ipv4;
    } else {
      this.addresses = publicIps;
      this.apiHost = publicIps.apply(([first = ""]) => first);
    }
    if (dns) {
      this.createRecords(name, dns, publicIps);
      this.name = `${dns.apiName}.${dns.zone}`;
      this.apiHost = pulumi.output(this.name);
    }
    this.registerOutputs({ addresses: this.addresses, apiHost: this.apiHost });
  }

  private createLoadBalancer(name: string): hcloud.LoadBalancer {
    const { prefix, labels, plan, subnetId, protect } = this.args;
    const balancer = new hcloud.LoadBalancer(
      name,
      {
        name: prefix,
        loadBalancerType: plan.loadBalancerType,
        location: plan.location,
        algorithm: { type: "least_connections" },
        labels,
        deleteProtection: protect,
      },
      // Clients know its address: it is never made anew because the first node's location was edited.
      { parent: this, protect, deleteBeforeReplace: true, ignoreChanges: ["location"] },
    );
    const network = new hcloud.LoadBalancerNetwork(
      `${name}-private`,
      { loadBalancerId: toNumber(balancer.id), subnetId, ip: plan.privateIp, enablePublicInterface: true },
      { parent: this, deleteBeforeReplace: true },
    );
    for (const [service, port] of Object.entries(SERVICES)) {
      new hcloud.LoadBalancerService(
        `${name}-${service}`,
        {
          loadBalancerId: balancer.id,
          protocol: "tcp",
          listenPort: port,
          destinationPort: port,
          proxyprotocol: true,
          healthCheck: HEALTH_CHECK,
        },
        { parent: this, deleteBeforeReplace: true },
      );
    }
    this.createTargets(name, balancer, network);
    return balancer;
  }

  private createTargets(
    name: string,
    balancer: hcloud.LoadBalancer,
    network: hcloud.LoadBalancerNetwork,
  ): void {
    for (const [key, { serverId, attachment }] of Object.entries(this.args.nodes)) {
      new hcloud.LoadBalancerTarget(
        `${name}-${key}`,
        {
          loadBalancerId: toNumber(balancer.id),
          type: "server",
          serverId: toNumber(serverId),
          usePrivateIp: true,
        },
        // A private target is refused unless both ends are in the network.
        { parent: this, deleteBeforeReplace: true, dependsOn: [network, attachment] },
      );
    }
  }

  private createRecords(name: string, dns: DnsPlan, addresses: pulumi.Output<string[]>): void {
    const { labels, protect } = this.args;
    const zone = dns.createZone
      ? new hcloud.Zone(
          `${name}-zone`,
          { name: dns.zone, mode: "primary", labels, deleteProtection: protect },
          { parent: this, protect },
        ).name
      : dns.zone;
    for (const [record, relative] of [
      ["api", dns.apiName],
      ["ingress", dns.ingressName],
    ] as const) {
      new hcloud.ZoneRrset(
        `${name}-${record}`,
        {
          zone,
          name: relative,
          type: "A",
          ttl: dns.ttlSeconds,
          labels,
          records: addresses.apply((all) => all.map((value) => ({ value }))),
        },
        { parent: this, deleteBeforeReplace: true },
      );
    }
  }
}

const toNumber = (id: pulumi.Input<string>): pulumi.Output<number> => pulumi.output(id).apply(Number);
