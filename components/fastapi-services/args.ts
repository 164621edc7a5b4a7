import type * as pulumi from "@pulumi/pulumi";
import type { ServicePlan } from "../../plan/services.ts";

/** How pods of a service log in to a database: what the stack exports of it. */
export interface DatabaseAccess {
  /** The pooler, for the service itself. */
  readonly pooler: { readonly host: string; readonly port: number };
  /** The primary, for migrations: they take locks that no pooled session may hold. */
  readonly primary: { readonly host: string; readonly port: number };
  /** Roles with their passwords. */
  readonly logins: Readonly<Record<"owner" | "rw" | "ro", Login>>;
}

interface Login {
  readonly user: pulumi.Input<string>;
  /** Secret. */
  readonly password: pulumi.Input<string>;
}

/** An OpenAI-compatible endpoint for agents. */
export interface AiProvider {
  /** Up to the version: `https://api.deepinfra.com/v1/openai`. */
  readonly baseUrl: string;
  readonly model: string;
  /** Secret. */
  readonly apiKey: pulumi.Input<string>;
}

/** One service. Its key is its name: Deployment, Service, and the host name's first label. */
export type ServiceArgs = Omit<ServicePlan, "image"> & {
  /** By digest. */
  readonly image: pulumi.Input<string>;
};

export interface FastApiServicesArgs {
  /** A namespace of the program. */
  readonly namespace: string;
  readonly services: Readonly<Record<string, ServiceArgs>>;
  /** busybox, by digest: migrations wait in it for a way to the database. */
  readonly waitImage: pulumi.Input<string>;
  /** By name. */
  readonly databases: Readonly<Record<string, DatabaseAccess>>;
  /** Authority of the databases' certificates, PEM. */
  readonly databaseCa: pulumi.Input<string>;
  readonly ai?: AiProvider;
  /** For private images: registry → who asks. */
  readonly registries?: pulumi.Input<
    Readonly<Record<string, { readonly username: string; readonly password: string }>>
  >;
  readonly ingress: {
    readonly className: string;
    /** Secret with the certificate of a host. */
    readonly tlsSecret: string;
  };
  /** Networks that pods with a provider must not reach by the rule that lets them out. */
  readonly privateCidrs: readonly string[];
  /** Closed namespaces, databases with their roles, an ingress controller. */
  readonly after: readonly pulumi.Resource[];
}
