import type { types } from "@pulumi/command";
import type * as pulumi from "@pulumi/pulumi";

/** A node as something to run commands on. */
export interface NodeHost {
  /** Node key: `n1`. */
  readonly key: string;
  /** Hetzner's server id. A rebuilt server has another one, and everything runs again. */
  readonly serverId: pulumi.Input<string>;
  readonly connection: pulumi.Input<types.input.remote.ConnectionArgs>;
}
