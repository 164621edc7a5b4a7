import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { stringify } from "yaml";
import { readRepositoryFile } from "../../lib/repository-file.ts";
import { shortHash } from "../../lib/sha256.ts";
import { PORTS } from "../../plan/ports.ts";
import { applyBundle, runStep } from "../host/index.ts";
import { configHash } from "../kubernetes/config-hash.ts";
import { createInOrder } from "../kubernetes/create.ts";
import type { KubeObject } from "../kubernetes/objects.ts";
import { scramVerifiers } from "../pki/index.ts";
import type { Login, PatroniClusterArgs } from "./args.ts";
import { nodeBundle } from "./bundles.ts";
import { memberObjects, START } from "./objects.ts";
import {
  bootstrapConfig,
  type DcsInput,
  dcsSettings,
  type PatroniSecrets,
  patroniConfig,
} from "./patroni.ts";
import { membersPolicy } from "./policies.ts";
import { renderNodeEnv } from "./render.ts";
import { drawnAt, turnOf } from "./rotation.ts";
import { configSecret, etcdSecret, tlsSecret } from "./secrets.ts";
import { type DatabaseRole, type Role, renderSql, roles } from "./sql.ts";
import { sqlStep } from "./sql-step.ts";

/**
 * Postgres under Patroni on the nodes' etcd: a member a node, synchronous, with its data on the node's disk.
 * Expects the Kubernetes provider in `opts.providers`.
 *
 * Order: files on all nodes → permission to make a cluster (once in a stack's life) → secrets and policies → members →
 * settings and rolls → roles and databases.
 */
export class PatroniCluster extends pulumi.ComponentResource {
  /** Logins by database: `owner`, `rw`, `ro`. */
  readonly logins: Readonly<Record<string, Readonly<Record<DatabaseRole, Login>>>>;
  /** Password of the pooler's own role. Secret. */
  readonly poolerPassword: pulumi.Output<string>;
  /** Depending on these means depending on members that are there; they may still have other settings. */
  readonly members: readonly pulumi.Resource[];
  /** Depending on these means depending on a leader, with all roles and databases. */
  readonly ready: readonly pulumi.Resource[];

  private readonly name: string;
  private readonly args: PatroniClusterArgs;
  /** Those with a password. */
  private readonly roles: readonly Role[];
  private readonly passwords: Readonly<Record<string, pulumi.Output<string>>>;

  constructor(name: string, args: PatroniClusterArgs, opts: pulumi.ComponentResourceOptions) {
    super("gardenos:infra:PatroniCluster", name, {}, opts);
    this.name = name;
    this.args = args;
    this.roles = roles(args.plan.databases).filter(({ login }) => login === "password");
    this.passwords = this.createPasswords();
    this.poolerPassword = this.password("pgbouncer");
    this.logins = this.databaseLogins();
    const files = Object.keys(args.servers).map((key) => this.installFiles(key));
    const permission = this.allowBootstrap([...files, ...args.namespaceReady]);
    const objects = this.objects();
    this.members = createInOrder([membersPolicy(args.network), ...this.secrets(), ...objects], {
      parent: this,
      dependsOn: [permission, ...args.namespaceReady],
    });
    const converged = this.converge(objects, this.members);
    this.ready = [this.applySql([converged])];
    this.registerOutputs({});
  }

  /** What `up` does on one node only. Any would do; the first one is easy to find. */
  private firstHost() {
    const [first] = Object.values(this.args.servers);
    if (!first) throw new pulumi.ResourceError(`${this.name}: no server`, this, true);
    return first.host;
  }

  private dcsInput(): DcsInput {
    const { plan, network } = this.args;
    const logins = Object.keys(plan.databases).map((database) => {
      const own = this.roles.filter(({ of }) => of?.database === database).map(({ name }) => name);
      return [database, [...own, ...(this.args.moreLogins?.[database] ?? [])]];
    });
    return { plan, logins: Object.fromEntries(logins), nodeIps: network.nodeIps, podCidr: network.podCidr };
  }

  private createPasswords(): Readonly<Record<string, pulumi.Output<string>>> {
    const configured = pulumi.output(this.args.passwords ?? {});
    const entries = this.roles.map(({ name: role, of }) => {
      const drawn = of ? drawnAt(this.args.plan.databases[of.database]?.rotation ?? 0, of.turn) : 0;
      const { result } = new random.RandomPassword(
        `${this.name}-${role}-password`,
        { length: 32, special: false, ...(drawn > 0 && { keepers: { rotation: String(drawn) } }) },
        { parent: this },
      );
      const chosen = pulumi.all([configured, result]).apply(([own, made]) => own[role] ?? made);
      return [role, pulumi.secret(chosen)] as const;
    });
    return Object.fromEntries(entries);
  }

  private password(role: string): pulumi.Output<string> {
    const password = this.passwords[role];
    if (!password) throw new pulumi.ResourceError(`${this.name}: no role ${role}`, this, true);
    return password;
  }

  /** Those in use. */
  private databaseLogins(): PatroniCluster["logins"] {
    return Object.fromEntries(
      Object.entries(this.args.plan.databases).map(([database, { rotation }]) => {
        const pairs = this.roles.flatMap(({ name, of }) =>
          of?.database === database && of.turn === turnOf(rotation)
            ? [[of.kind, { user: name, password: this.password(name) }]]
            : [],
        );
        return [database, Object.fromEntries(pairs) as Record<DatabaseRole, Login>];
      }),
    );
  }

  private installFiles(key: string): pulumi.Resource {
    const { authority, plan, servers, nodesReady } = this.args;
    const server = servers[key];
    if (!server) throw new pulumi.ResourceError(`${this.name}: no server ${key}`, this, true);
    return applyBundle(
      `${this.name}-${key}-files`,
      {
        host: server.host,
        bundle: nodeBundle(renderNodeEnv({ node: key, plan }), authority),
      },
      { parent: this, dependsOn: [...nodesReady] },
    );
  }

  /** The word that gives a lost cluster up, and whether it was given: everything that makes a new cluster runs again for it. */
  private newCluster() {
    const serverIds = pulumi
      .all(Object.values(this.args.servers).map(({ host }) => host.serverId))
      .apply((ids) => ids.join("-"));
    return { SERVER_IDS: serverIds, ALLOW_NEW_CLUSTER: this.args.plan.allowNewCluster };
  }

  private allowBootstrap(after: readonly pulumi.Resource[]): pulumi.Resource {
    return runStep(
      `${this.name}-bootstrap`,
      {
        host: this.firstHost(),
        script: readRepositoryFile("files/postgres/bootstrap.sh"),
        env: {
          MODE: "first",
          ...this.newCluster(),
        },
        updateEnv: { MODE: "later" },
        stdin: stringify(bootstrapConfig(this.dcsInput())),
      },
      // The settings in it are those of the first start; later ones come by `converge`.
      { parent: this, dependsOn: [...after], ignoreChanges: ["stdin"] },
    );
  }

  private patroniSecrets(): pulumi.Output<PatroniSecrets> {
    const { etcd } = this.args;
    return pulumi
      .all([etcd.client.password ?? "", this.password("standby"), this.password("rewind")])
      .apply(([etcdPassword, standbyPassword, rewindPassword]) => ({
        etcdPassword,
        standbyPassword,
        rewindPassword,
      }));
  }

  private patroniYaml(): pulumi.Output<string> {
    const { plan, network } = this.args;
    const etcdHosts = network.apiServerIps.map((ip) => `${ip}:${PORTS.etcdClient.port}`);
    return this.patroniSecrets().apply((secrets) =>
      stringify(patroniConfig({ scope: plan.scope, etcdHosts, secrets })),
    );
  }

  /** In the folder of Patroni's configuration. */
  private configFiles(): Readonly<Record<string, pulumi.Input<string>>> {
    return { "patroni.yml": this.patroniYaml(), [START]: readRepositoryFile(`files/postgres/${START}`) };
  }

  private secrets(): KubeObject[] {
    const { authority, etcd } = this.args;
    return [
      configSecret(this.configFiles()),
      tlsSecret(authority.caPem, authority.member),
      etcdSecret(etcd.caPem, etcd.client),
    ];
  }

  /** What a member reads when it starts; another one means another template, and a roll. */
  private fingerprint(): pulumi.Output<string> {
    const { authority, etcd } = this.args;
    const parts = [
      ...Object.values(this.configFiles()),
      ...[authority.caPem, authority.member.cert, etcd.caPem, etcd.client.cert],
    ];
    return configHash(parts);
  }

  private objects(): KubeObject[] {
    const { image, plan } = this.args;
    return memberObjects({
      image,
      memory: plan.memory,
      instances: plan.instances,
      fingerprint: this.fingerprint(),
    });
  }

  private converge(objects: readonly KubeObject[], after: readonly pulumi.Resource[]): pulumi.Resource {
    const settings = JSON.stringify(dcsSettings(this.dcsInput()));
    const template = pulumi.output(objects).apply((plain) => shortHash(JSON.stringify(plain)));
    return runStep(
      `${this.name}-converge`,
      {
        host: this.firstHost(),
        script: readRepositoryFile("files/postgres/converge.sh"),
        env: {
          SETTINGS: shortHash(settings),
          TEMPLATE: template,
          ...this.newCluster(),
        },
        stdin: settings,
      },
      { parent: this, dependsOn: [...after] },
    );
  }

  private applySql(after: readonly pulumi.Resource[]): pulumi.Resource {
    const { result: salt } = new random.RandomPassword(
      `${this.name}-scram-salt`,
      { length: 32, special: false },
      { parent: this },
    );
    const sql = scramVerifiers(salt, this.passwords).apply((verifiers) =>
      renderSql({ databases: this.args.plan.databases, verifiers }),
    );
    return this.runSql(`${this.name}-sql`, sql, { parent: this, dependsOn: [...after] });
  }

  /** Runs SQL as superuser on the leader, again when it has changed. @param sql for psql; secret */
  runSql(name: string, sql: pulumi.Output<string>, opts: pulumi.CustomResourceOptions): pulumi.Resource {
    const { allowNewCluster } = this.args.plan;
    return sqlStep(name, { host: this.firstHost(), sql, allowNewCluster }, opts);
  }
}
