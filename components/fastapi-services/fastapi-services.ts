import * as pulumi from "@pulumi/pulumi";
import { configHash } from "../kubernetes/config-hash.ts";
import { createInOrder, createObjects } from "../kubernetes/create.ts";
import { databaseCa } from "../kubernetes/database-ca.ts";
import type { KubeObject } from "../kubernetes/objects.ts";
import { serviceAccount } from "../kubernetes/pods.ts";
import type { DatabaseAccess, FastApiServicesArgs, ServiceArgs } from "./args.ts";
import { databaseEnv, type Role, serviceEnv } from "./env.ts";
import { migrationJob, migrationName } from "./migration.ts";
import { serviceObjects } from "./objects.ts";
import { toProviderPolicy } from "./policies.ts";
import { aiObject, loginObject, pullObject } from "./secrets.ts";

/**
 * FastAPI services with their migrations, logins and ways in and out. Expects the Kubernetes provider in `opts.providers`.
 * App teams can make it in a program of their own, of what a stack exports.
 *
 * Order: Secrets and policies → migrations, each gating the services of its database → pods, which must be ready → Ingresses.
 */
export class FastApiServices extends pulumi.ComponentResource {
  /** Depending on these means depending on services that answer. */
  readonly ready: readonly pulumi.Resource[];

  private readonly name: string;
  private readonly args: FastApiServicesArgs;

  constructor(name: string, args: FastApiServicesArgs, opts: pulumi.ComponentResourceOptions) {
    super("gardenos:infra:FastApiServices", name, {}, opts);
    this.name = name;
    this.args = args;
    const ground = createObjects(this.ground(), { parent: this, dependsOn: args.after });
    const migrations = this.migrations(ground);
    this.ready = Object.entries(args.services).flatMap(([key, service]) =>
      this.createService(key, service, [...ground, ...(migrations[service.database?.name ?? ""] ?? [])]),
    );
    this.registerOutputs({});
  }

  private database(name: string): DatabaseAccess {
    const access = Object.hasOwn(this.args.databases, name) ? this.args.databases[name] : undefined;
    if (!access) throw new pulumi.ResourceError(`${this.name}: no database ${name}`, this, true);
    return access;
  }

  /** Which roles of which databases anybody logs in as: `app rw`, once. */
  private roles(): readonly (readonly [database: string, role: Role])[] {
    const used = Object.values(this.args.services).flatMap(({ database, migrate }): [string, Role][] => {
      if (!database) return [];
      return [
        [database.name, database.role],
        ...(migrate ? [[database.name, "owner"] as [string, Role]] : []),
      ];
    });
    return [...new Map(used.map((pair) => [pair.join(" "), pair])).values()];
  }

  /** What services share. */
  private ground(): KubeObject[] {
    const { namespace, ai, registries, privateCidrs } = this.args;
    return [
      databaseCa(namespace, this.args.databaseCa),
      ...this.roles().map(([database, role]) =>
        loginObject(namespace, database, role, this.database(database)),
      ),
      ...(ai ? [aiObject(namespace, ai.apiKey), toProviderPolicy(namespace, ai, privateCidrs)] : []),
      ...(registries ? [pullObject(namespace, registries)] : []),
    ];
  }

  private createService(
    name: string,
    service: ServiceArgs,
    after: readonly pulumi.Resource[],
  ): readonly pulumi.Resource[] {
    const { namespace, ai, ingress, registries } = this.args;
    const access = service.database && this.database(service.database.name);
    const objects = serviceObjects({
      ...{ name, namespace, service, ingress },
      env: serviceEnv(service, access, ai),
      private: registries !== undefined,
      configHash: this.configHash(service),
    });
    return createInOrder(objects, { parent: this, dependsOn: after });
  }

  /** By database: all services of it wait for its migration, whose image they share or not. */
  private migrations(ground: readonly pulumi.Resource[]): Readonly<Record<string, pulumi.Resource[]>> {
    const made: Record<string, pulumi.Resource[]> = {};
    for (const [key, service] of Object.entries(this.args.services)) {
      const { name = "" } = service.database ?? {};
      made[name] = [...(made[name] ?? []), ...this.migrate(key, service, ground)];
    }
    return made;
  }

  private migrate(
    key: string,
    { migrate, database, image, memory }: ServiceArgs,
    ground: readonly pulumi.Resource[],
  ): readonly pulumi.Resource[] {
    if (!migrate || !database) return [];
    const { namespace, registries, waitImage } = this.args;
    const name = migrationName(key);
    const job = migrationJob({
      ...{ name, namespace, image, waitImage, memory, service: key, command: migrate.command },
      env: databaseEnv(database.name, "owner", this.database(database.name).primary),
      private: registries !== undefined,
    });
    return createInOrder([serviceAccount(namespace, name), job], { parent: this, dependsOn: ground });
  }

  /** Of what pods read from Secrets and files. Nobody finds a password by it. */
  private configHash({ database, ai }: ServiceArgs): pulumi.Output<string> {
    const login = database && this.database(database.name).logins[database.role];
    const values = [
      this.args.databaseCa,
      ...(login ? [login.user, login.password] : []),
      ...(ai && this.args.ai ? [this.args.ai.apiKey] : []),
    ];
    return configHash(values);
  }
}
