import * as pulumi from "@pulumi/pulumi";
import { stringify } from "yaml";
import { shortHash } from "../../lib/sha256.ts";
import { NAMESPACES } from "../../plan/namespaces.ts";
import type { SupabaseService } from "../../plan/supabase.ts";
import { createInOrder, createObjects } from "../kubernetes/create.ts";
import { databaseCa } from "../kubernetes/database-ca.ts";
import type { KubeObject } from "../kubernetes/objects.ts";
import { ingress, opaqueSecret } from "../kubernetes/workloads.ts";
import { scramVerifiers } from "../pki/index.ts";
import type { SupabaseStackArgs } from "./args.ts";
import { type Env, plainEnv, secretEnv } from "./env.ts";
import { functionsCode } from "./functions.ts";
import { gatewayConfig } from "./gateway.ts";
import { type Drawn, drawMaterial, emptyMaterial } from "./material.ts";
import { serviceObjects } from "./objects.ts";
import { stackPolicies, TENANT_JOB } from "./policies.ts";
import { renderSupabaseSql } from "./sql.ts";
import { STUDIO_USER } from "./studio.ts";
import { TENANT_SECRETS, tenantEnv, tenantObjects } from "./tenant.ts";

const NAMESPACE = NAMESPACES.supabase.name;
const GATEWAY_FOLDER = "/etc/envoy";

/** What clients of a stack need. */
export interface SupabaseAccess {
  /** May be in pages and apps. */
  readonly publishableKey: pulumi.Output<string>;
  /** May do anything. Secret. */
  readonly secretKey: pulumi.Output<string>;
  /** The same two as tokens, for clients of before. */
  readonly anonKey: pulumi.Output<string>;
  /** Secret. */
  readonly serviceRoleKey: pulumi.Output<string>;
  /** Who gets into Studio, where it is served. */
  readonly studio?: { readonly user: string; readonly password: pulumi.Output<string> };
}

/**
 * Supabase's services on a database that exists, behind one gateway. Expects the Kubernetes provider in `opts.providers`.
 *
 * Order: SQL (roles, empty schemas) → Secrets and policies → services, each of which makes its own tables → Realtime's tenant → the gateway →
 * the Ingress.
 */
export class SupabaseStack extends pulumi.ComponentResource {
  readonly access: SupabaseAccess;
  /** Depending on these means depending on services that answer. */
  readonly ready: readonly pulumi.Resource[];

  private readonly name: string;
  private readonly args: SupabaseStackArgs;
  private readonly drawn: Drawn;

  constructor(name: string, args: SupabaseStackArgs, opts: pulumi.ComponentResourceOptions) {
    super("gardenos:infra:SupabaseStack", name, {}, opts);
    this.name = name;
    this.args = args;
    const given = { databaseCa: args.database.caPem, secrets: args.secrets ?? pulumi.output({}) };
    this.drawn = drawMaterial(name, args.plan, given, this);
    const services = Object.keys(args.plan.services) as SupabaseService[];
    const sql = this.applySql();
    const ground = createObjects(
      [databaseCa(NAMESPACE, args.database.caPem), ...stackPolicies(services, args.privateCidrs)],
      { parent: this, dependsOn: [...args.after] },
    );
    const inner = services.filter((service) => service !== "gateway");
    const made = inner.flatMap((service) => this.createService(service, [...ground, sql]));
    const tenant = this.createTenant(made);
    this.ready = [...made, ...tenant, ...this.createGateway([...made, ...tenant])];
    this.access = this.accessOf();
    this.registerOutputs({});
  }

  private applySql(): pulumi.Resource {
    const { database, after } = this.args;
    const { salt, passwords } = this.drawn;
    const sql = scramVerifiers(salt, passwords).apply((verifiers) =>
      renderSupabaseSql({ database: database.name, owner: database.owner, verifiers }),
    );
    return database.runSql(`${this.name}-sql`, sql, { parent: this, dependsOn: [...after] });
  }

  private secretOf(name: string, values: pulumi.Output<Env>, names: readonly string[]): KubeObject {
    const texts = names.map((key) => [key, values.apply((all) => all[key] ?? "")]);
    return opaqueSecret(NAMESPACE, name, Object.fromEntries(texts));
  }

  /** Of what pods read when they start. Nobody finds a secret by it. */
  private hashOf(env: object, values: pulumi.Output<unknown>): pulumi.Output<string> {
    const hash = values.apply((secret) => shortHash(JSON.stringify([env, secret])));
    return pulumi.unsecret(hash);
  }

  private createService(
    service: SupabaseService,
    after: readonly pulumi.Resource[],
  ): readonly pulumi.Resource[] {
    const { plan, images, database } = this.args;
    const size = plan.services[service];
    if (!size) return [];
    const env = plainEnv(service, { plan, database });
    const values = this.drawn.material.apply((material) => secretEnv(service, material, database));
    const secretNames = Object.keys(secretEnv(service, emptyMaterial(plan), database));
    const code = service === "functions" ? functionsCode(this.args.functions) : undefined;
    const objects = serviceObjects({
      ...{ service, plan: size, image: images[service] ?? "", env, secretNames, served: false },
      configHash: this.hashOf(env, values),
      ...(code && { files: code.files, args: code.args }),
    });
    const secret = secretNames.length > 0 ? [this.secretOf(service, values, secretNames)] : [];
    const before = [...secret, ...(code ? [code.object] : [])];
    return createInOrder([...before, ...objects], { parent: this, dependsOn: [...after] });
  }

  private createTenant(after: readonly pulumi.Resource[]): readonly pulumi.Resource[] {
    const { database, postgresImage } = this.args;
    const values = this.drawn.material.apply((material) => tenantEnv(material, database));
    const objects = tenantObjects({ image: postgresImage, configHash: this.hashOf({}, values) });
    return createInOrder([this.secretOf(TENANT_JOB, values, TENANT_SECRETS), ...objects], {
      ...{ parent: this, dependsOn: [...after] },
    });
  }

  private createGateway(after: readonly pulumi.Resource[]): readonly pulumi.Resource[] {
    const { plan, images } = this.args;
    const size = plan.services.gateway;
    if (!size) return [];
    const file = "envoy.yaml";
    const values = this.drawn.material.apply(
      ({ keys, drawn: { studioPassword } }): Env => ({
        [file]: stringify(gatewayConfig(plan, { keys, studioPassword })),
      }),
    );
    const objects = serviceObjects({
      ...{ service: "gateway", plan: size, image: images.gateway ?? "", env: {}, secretNames: [] },
      ...{ served: plan.host !== undefined, configHash: this.hashOf({}, values) },
      files: { folder: GATEWAY_FOLDER, from: "Secret", name: "gateway" },
      command: ["envoy", "-c", `${GATEWAY_FOLDER}/${file}`, "--log-level", "warning"],
    });
    const hosts = [plan.host, plan.studioHost].flatMap((host) => host ?? []);
    const routes =
      hosts.length === 0
        ? []
        : [ingress({ namespace: NAMESPACE, name: "gateway", hosts, ...this.args.ingress })];
    return createInOrder([this.secretOf("gateway", values, [file]), ...objects, ...routes], {
      ...{ parent: this, dependsOn: [...after] },
    });
  }

  private accessOf(): SupabaseAccess {
    const password = this.drawn.material.apply(({ drawn }) => drawn.studioPassword);
    const of = (key: "publishableKey" | "secretKey" | "anonKey" | "serviceRoleKey") =>
      this.drawn.material.apply(({ keys }) => keys[key]);
    return {
      publishableKey: pulumi.unsecret(of("publishableKey")),
      secretKey: of("secretKey"),
      anonKey: pulumi.unsecret(of("anonKey")),
      serviceRoleKey: of("serviceRoleKey"),
      ...(this.args.plan.studioHost !== undefined && { studio: { user: STUDIO_USER, password } }),
    };
  }
}
