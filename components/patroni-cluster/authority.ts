import * as pulumi from "@pulumi/pulumi";
import { POSTGRES } from "../../plan/postgres.ts";
import { serviceNames } from "../kubernetes/pods.ts";
import { type Authority, createLeaf, createRoot, type Leaf } from "../pki/index.ts";

export interface PostgresAuthorityArgs {
  /**
   * Private addresses of the nodes. Public ones are not in the certificate: a rebuilt server has a new one, and all members would
   * restart for it. Clients outside verify the name `postgres-primary`.
   */
  readonly nodeIps: readonly string[];
}

/**
 * Certificates of Postgres. HAProxy of the nodes checks members by this authority and is made before them, so it is a component
 * of its own.
 */
export class PostgresAuthority extends pulumi.ComponentResource {
  /** The authority, PEM: what clients verify by. */
  readonly caPem: pulumi.Output<string>;
  /** Of all members, for Postgres and Patroni, as server and client. */
  readonly member: Leaf;
  /** Of the operator's script on the nodes, for calls that change something. */
  readonly operator: Leaf;
  /** Signs the pooler's certificate, too. */
  readonly issuer: Authority;

  constructor(name: string, args: PostgresAuthorityArgs, opts?: pulumi.ComponentResourceOptions) {
    super("gardenos:infra:PostgresAuthority", name, {}, opts);
    const authority = createRoot(`${name}-ca`, "GardenOS Postgres CA", this);
    this.issuer = authority;
    this.caPem = authority.cert;
    const { namespace, members, primary, replica } = POSTGRES;
    const issue = (role: string, leaf: Parameters<typeof createLeaf>[2]) =>
      createLeaf(`${name}-${role}`, authority, leaf, this);
    this.member = issue("member", {
      dnsNames: [
        ...[members, primary, replica].flatMap((service) => serviceNames(namespace, service)),
        `*.${members}.${namespace}`,
        `*.${members}.${namespace}.svc.cluster.local`,
      ],
      ips: args.nodeIps,
      uses: ["server_auth", "client_auth"],
    });
    this.operator = issue("operator", { commonName: "gardenos-operator", uses: ["client_auth"] });
    this.registerOutputs({ caPem: this.caPem });
  }
}
