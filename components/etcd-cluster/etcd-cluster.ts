import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { readRepositoryFile } from "../../lib/repository-file.ts";
import { applyBundle, chain, type NodeHost, runStep } from "../host/index.ts";
import type { KeyPair } from "../pki/index.ts";
import type { EtcdClusterArgs, EtcdMemberArgs } from "./args.ts";
import { filesBundle, type MemberContext, rollBundle } from "./bundles.ts";
import { createPki } from "./pki.ts";
import { clientUrl } from "./render.ts";

/** What a client of etcd needs. */
export interface EtcdClient extends KeyPair {
  /** Secret; only where the user logs in with one. */
  readonly password?: pulumi.Output<string>;
}

/**
 * A three-member etcd on the nodes, mTLS everywhere, authentication on before the first client.
 *
 * Order: files on all nodes at once → bootstrap (once in a stack's life) → joins, one at a time → rolls, one at a
 * time. Joins come before rolls so that a lost member is back before another one restarts.
 */
export class EtcdCluster extends pulumi.ComponentResource {
  /** Client URLs by node key, in roll order. */
  readonly endpoints: Readonly<Record<string, string>>;
  /** Authority of the server certificates, PEM. */
  readonly caPem: pulumi.Output<string>;
  readonly clients: Readonly<Record<"k3s" | "patroni", EtcdClient>>;
  /** Depending on these means depending on a healthy cluster with its users. */
  readonly ready: readonly pulumi.Resource[];

  private readonly name: string;
  private readonly args: EtcdClusterArgs;

  constructor(name: string, args: EtcdClusterArgs, opts?: pulumi.ComponentResourceOptions) {
    super("gardenos:infra:EtcdCluster", name, {}, opts);
    this.name = name;
    this.args = args;
    const all = Object.entries(args.members).map(([member, { ip }]) => ({ name: member, ip }));
    const pki = createPki(name, all, this);
    const contexts = all.map((self) => ({
      self,
      all,
      pki,
      settings: args.settings,
      clusterToken: args.clusterToken,
    }));
    const files = contexts.map((context) => this.installFiles(context));
    const bootstrap = this.bootstrap(files);
    const joins = chain(contexts, [bootstrap], (context, after) => this.join(context, after));
    const rolls = chain(contexts, joins, (context, after) => this.roll(context, after));
    const password = new random.RandomPassword(
      `${name}-patroni-password`,
      { length: 32, special: false },
      { parent: this },
    );
    const auth = this.createUsers(password.result, joins);
    this.ready = [...rolls, auth];
    this.endpoints = Object.fromEntries(all.map((member) => [member.name, clientUrl(member.ip)]));
    this.caPem = pki.clientCa;
    this.clients = { k3s: pki.clients.k3s, patroni: { ...pki.clients.patroni, password: password.result } };
    this.registerOutputs({ endpoints: this.endpoints, caPem: this.caPem });
  }

  private member(key: string): EtcdMemberArgs {
    const member = this.args.members[key];
    if (!member) throw new pulumi.ResourceError(`${this.name}: no member ${key}`, this, true);
    return member;
  }

  /** The member that makes the cluster and its users. Any would do; the first one is easy to find. */
  private firstHost(): NodeHost {
    return this.member(Object.keys(this.args.members)[0] ?? "").host;
  }

  private installFiles(context: MemberContext): pulumi.Resource {
    const { host, after } = this.member(context.self.name);
    return applyBundle(
      `${this.name}-${context.self.name}-files`,
      { host, bundle: filesBundle(context) },
      { parent: this, dependsOn: [...after] },
    );
  }

  /**
   * Creating this resource makes the cluster. Updating it (a server was rebuilt) only looks for a living member:
   * with the data of all members gone it stops, because an empty cluster would end Kubernetes and Patroni.
   */
  private bootstrap(after: readonly pulumi.Resource[]): pulumi.Resource {
    const serverIds = pulumi
      .all(Object.values(this.args.members).map(({ host }) => host.serverId))
      .apply((ids) => ids.join("-"));
    return runStep(
      `${this.name}-bootstrap`,
      {
        host: this.firstHost(),
        script: readRepositoryFile("files/etcd/bootstrap.sh"),
        env: {
          MODE: "bootstrap",
          SERVER_IDS: serverIds,
          ALLOW_NEW_CLUSTER: this.args.settings.allowNewCluster,
        },
        updateEnv: { MODE: "guard" },
      },
      { parent: this, dependsOn: [...after] },
    );
  }

  private join({ self }: MemberContext, after: readonly pulumi.Resource[]): pulumi.Resource {
    return runStep(
      `${this.name}-${self.name}-join`,
      { host: this.member(self.name).host, script: readRepositoryFile("files/etcd/join.sh") },
      { parent: this, dependsOn: [...after] },
    );
  }

  private roll(context: MemberContext, after: readonly pulumi.Resource[]): pulumi.Resource {
    const { host } = this.member(context.self.name);
    return applyBundle(
      `${this.name}-${context.self.name}-roll`,
      { host, bundle: rollBundle(context) },
      { parent: this, dependsOn: [...after] },
    );
  }

  private createUsers(password: pulumi.Output<string>, after: readonly pulumi.Resource[]): pulumi.Resource {
    return runStep(
      `${this.name}-users`,
      {
        host: this.firstHost(),
        script: readRepositoryFile("files/etcd/auth.sh"),
        stdin: pulumi.interpolate`${password}\n`,
      },
      { parent: this, dependsOn: [...after] },
    );
  }
}
