import * as pulumi from "@pulumi/pulumi";
import { sha256 } from "../../lib/sha256.ts";
import { POOLER } from "../../plan/pooler.ts";
import { base64 } from "../kubernetes/base64.ts";
import { createInOrder } from "../kubernetes/create.ts";
import { serviceNames } from "../kubernetes/pods.ts";
import { createLeaf } from "../pki/index.ts";
import type { PgbouncerArgs } from "./args.ts";
import { pgbouncer } from "./objects.ts";
import { pgbouncerPolicy, toDatabasePolicy } from "./policies.ts";
import { renderIni, renderUserlist } from "./render.ts";

/** Names that clients may know the pooler by. */
const DNS_NAMES = serviceNames(POOLER.namespace, POOLER.name);

/**
 * PgBouncer between applications and Postgres: pools in transaction mode, to the primary and to the replicas. Expects
 * the Kubernetes provider in `opts.providers`. Why and how it is used: this room's README.
 */
export class Pgbouncer extends pulumi.ComponentResource {
  /** Depending on these means depending on a pooler that takes clients. */
  readonly ready: readonly pulumi.Resource[];

  constructor(name: string, args: PgbouncerArgs, opts: pulumi.ComponentResourceOptions) {
    super("gardenos:infra:Pgbouncer", name, {}, opts);
    const { authority, settings, image, databases } = args;
    const leaf = createLeaf(name, authority, { dnsNames: DNS_NAMES, uses: ["server_auth"] }, this);
    const ini = renderIni(databases, settings);
    const userlist = pulumi.output(args.password).apply(renderUserlist);
    const objects = pgbouncer({
      image,
      replicas: settings.replicas,
      memory: settings.memory,
      serviceIps: args.serviceIps,
      ini,
      files: {
        "userlist.txt": pulumi.secret(base64(userlist)),
        "tls.crt": base64(leaf.cert),
        "tls.key": pulumi.secret(base64(leaf.key)),
        "ca.crt": base64(authority.cert),
      },
      // Safe to show: nobody finds the password by it without the key.
      configHash: pulumi.unsecret(
        pulumi
          .all([userlist, leaf.cert, leaf.key, authority.cert])
          .apply((files) => sha256([ini, ...files].join("\n"))),
      ),
    });
    this.ready = createInOrder([pgbouncerPolicy(), toDatabasePolicy(), ...objects], {
      parent: this,
      dependsOn: args.after,
    });
    this.registerOutputs({});
  }
}
