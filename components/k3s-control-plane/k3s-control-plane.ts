import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { readRepositoryFile } from "../../lib/repository-file.ts";
import { ADMIN_GROUP } from "../../plan/access.ts";
import { PORTS } from "../../plan/ports.ts";
import { applyBundle, chain, runStep } from "../host/index.ts";
import { createLeaf, type KeyPair, type Leaf } from "../pki/index.ts";
import type { K3sControlPlaneArgs, K3sServerArgs, KubernetesAccess } from "./args.ts";
import { filesBundle, rollBundle, type ServerContext } from "./bundles.ts";
import { renderKubeconfig } from "./kubeconfig.ts";
import { createK3sPki, type Identity, issueClient, type K3sPki } from "./pki.ts";

/**
 * Kubernetes on the nodes: K3s servers that keep their state in the etcd of the nodes, and run workloads, too.
 *
 * Order: files on all nodes at once → starts, one at a time → rolls, one at a time → labels and DNS. Starts come before
 * rolls so that a lost server is back before another one restarts.
 */
export class K3sControlPlane extends pulumi.ComponentResource {
  /** Authorities of the API servers, PEM: the one that signs and the root. */
  readonly caPem: pulumi.Output<string>;
  /** Depending on these means depending on an API whose servers all run what the configuration says. */
  readonly ready: readonly pulumi.Resource[];

  private readonly name: string;
  private readonly args: K3sControlPlaneArgs;
  private readonly pki: K3sPki;

  constructor(name: string, args: K3sControlPlaneArgs, opts?: pulumi.ComponentResourceOptions) {
    super("gardenos:infra:K3sControlPlane", name, {}, opts);
    this.name = name;
    this.args = args;
    this.pki = createK3sPki(name, args.clusterName, this);
    this.caPem = this.pki.serverCa.chain;
    const contexts = this.contexts();
    const files = contexts.map((context) => this.installFiles(context));
    const starts = chain(contexts, files, (context, after) => this.start(context, after));
    this.ready = chain(contexts, starts, (context, after) => this.roll(context, after));
    for (const context of contexts) this.label(context, this.ready);
    this.dns(contexts);
    this.registerOutputs({ caPem: this.caPem });
  }

  /** What HAProxy needs: a client certificate for its checks, whom to believe, and a certificate for its statistics. */
  haproxyPki(ips: readonly string[]) {
    return {
      apiCheck: this.issueClient("haproxy", { user: "gardenos:haproxy" }),
      apiCaChain: this.caPem,
      statsCertificate: this.issueServer("haproxy-stats", ips),
    };
  }

  /**
   * Kubeconfigs for the program and for people.
   * @param host name or address of the API as clients reach it
   */
  grantAccess(host: pulumi.Input<string>): KubernetesAccess {
    const program = this.issueClient("program", { user: "gardenos:program", group: "system:masters" });
    const admin = this.issueClient("admin", { user: "gardenos:admin", group: ADMIN_GROUP });
    const gate = pulumi.all(this.ready.map((each) => (each as pulumi.CustomResource).id));
    const opened = this.kubeconfig(program, "gardenos:program", host);
    return {
      programKubeconfig: pulumi.all([opened, gate]).apply(([kubeconfig]) => kubeconfig),
      kubeconfig: this.kubeconfig(admin, "gardenos:admin", host),
      certificateExpiry: admin.expires,
    };
  }

  private issueClient(role: string, identity: Identity): Leaf {
    return issueClient(`${this.name}-client-${role}`, this.pki, identity, this);
  }

  private issueServer(role: string, ips: readonly string[]): KeyPair {
    return createLeaf(`${this.name}-${role}`, this.pki.serverCa, { ips, uses: ["server_auth"] }, this);
  }

  private kubeconfig(leaf: Leaf, user: string, host: pulumi.Input<string>): pulumi.Output<string> {
    const text = pulumi
      .all([this.caPem, leaf.cert, leaf.key, host])
      .apply(([caPem, certPem, keyPem, address]) =>
        renderKubeconfig({
          cluster: this.args.clusterName,
          user,
          host: address,
          port: PORTS.kubernetesApi.port,
          caPem,
          certPem,
          keyPem,
        }),
      );
    return pulumi.secret(text);
  }

  private server(key: string): K3sServerArgs {
    const server = this.args.servers[key];
    if (!server) throw new pulumi.ResourceError(`${this.name}: no server ${key}`, this, true);
    return server;
  }

  private contexts(): readonly ServerContext[] {
    const { servers, settings, sans, etcd } = this.args;
    const all = Object.entries(servers).map(([name, { ip }]) => ({ name, ip }));
    const token = this.password("token", 48);
    return all.map((self) => ({
      self,
      all,
      settings,
      sans: pulumi.all([...sans]),
      etcd,
      pki: this.pki,
      token,
      nodePassword: this.password(`${self.name}-password`, 32),
    }));
  }

  private password(what: string, length: number): pulumi.Output<string> {
    return new random.RandomPassword(`${this.name}-${what}`, { length, special: false }, { parent: this })
      .result;
  }

  private installFiles(context: ServerContext): pulumi.Resource {
    const { host, after } = this.server(context.self.name);
    return applyBundle(
      `${this.name}-${context.self.name}-files`,
      { host, bundle: filesBundle(context) },
      { parent: this, dependsOn: [...after, ...this.args.etcd.ready] },
    );
  }

  private start({ self }: ServerContext, after: readonly pulumi.Resource[]): pulumi.Resource {
    return runStep(
      `${this.name}-${self.name}-start`,
      { host: this.server(self.name).host, script: readRepositoryFile("files/k3s/start.sh") },
      { parent: this, dependsOn: [...after] },
    );
  }

  private roll(context: ServerContext, after: readonly pulumi.Resource[]): pulumi.Resource {
    const { host } = this.server(context.self.name);
    return applyBundle(
      `${this.name}-${context.self.name}-roll`,
      { host, bundle: rollBundle(context) },
      { parent: this, dependsOn: [...after] },
    );
  }

  /** One CoreDNS a server; any server may say so. */
  private dns(contexts: readonly ServerContext[]): void {
    const [first] = contexts;
    if (!first) return;
    const { host } = this.server(first.self.name);
    runStep(
      `${this.name}-dns`,
      { host, script: readRepositoryFile("files/k3s/dns.sh"), env: { REPLICAS: String(contexts.length) } },
      { parent: this, dependsOn: [...this.ready] },
    );
  }

  private label({ self }: ServerContext, after: readonly pulumi.Resource[]): pulumi.Resource {
    const { host } = this.server(self.name);
    const labels = this.args.nodeLabels[self.name] ?? {};
    const pairs = Object.keys(labels)
      .sort()
      .map((key) => `${key}=${labels[key]}`);
    return runStep(
      `${this.name}-${self.name}-labels`,
      { host, script: readRepositoryFile("files/k3s/labels.sh"), env: { LABELS: pairs.join(" ") } },
      { parent: this, dependsOn: [...after] },
    );
  }
}
