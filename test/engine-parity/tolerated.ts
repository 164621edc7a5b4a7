/** Where the built-in engine's state differs from the real one's on purpose. An entry that nothing needs any more fails. */
import type { Gained, Tolerance } from "../support/parity.ts";

const absent = undefined;

const bridge = "the Terraform bridge's own bookkeeping; the drivers have no bridge";
const nothing = "the bridge writes down that there is nothing; the driver leaves it out";
const wrapper = "the real engine's own bookkeeping";

const opening = (port: string, description: string) => ({
  __defaults: [],
  description,
  direction: "in",
  port,
  protocol: "tcp",
  sourceIps: ["203.0.113.10/32"],
});
const ssh = opening("22", "configuration and on-call");
const ping = {
  __defaults: [],
  description: "path MTU discovery",
  direction: "in",
  protocol: "icmp",
  sourceIps: ["0.0.0.0/0", "::/0"],
};

export const TOLERATED: readonly Tolerance[] = [
  { type: "", path: "outputs.__pulumi_raw_state_delta", real: "plain", builtin: absent, reason: bridge },
  ...["hcloud:index/server:", "random:index/randomPassword:", "tls:index/privateKey:"].map((type) => ({
    type,
    path: "outputs.__meta",
    real: "plain",
    builtin: absent,
    reason: bridge,
  })),
  ...["allowDeprecatedImages", "datacenter", "iso", "rescue"].map((key) => ({
    type: "hcloud:index/server:",
    path: `outputs.${key}`,
    real: "null",
    builtin: absent,
    reason: nothing,
  })),
  {
    type: "hcloud:index/firewall:",
    path: "inputs.rules",
    real: [ssh, ping],
    builtin: [ssh, opening("6443", "HAProxy: Kubernetes API of all nodes"), ping],
    reason: "the recording is older than the Kubernetes API's opening",
  },
  {
    type: "hcloud:index/networkSubnet:",
    path: "outputs.vswitchId",
    real: "null",
    builtin: absent,
    reason: nothing,
  },
  { type: "pulumi:providers:", path: "inputs.__internal", real: {}, builtin: absent, reason: wrapper },
  {
    type: "pulumi:providers:command",
    path: "inputs.__pulumi-go-provider-version",
    real: "1.2.0",
    builtin: absent,
    reason: "version of the library that the plugin is written with",
  },
  {
    type: "pulumi:providers:command",
    path: "outputs.__pulumi-go-provider-version",
    real: "plain",
    builtin: absent,
    reason: "version of the library that the plugin is written with",
  },
];

/** What the program makes since the recording, which wants the Pulumi CLI. */
export const GAINED: readonly Gained[] = [
  {
    resource: "PrivateKey::etcd-token-key",
    reason: "the recording is older than etcd's signed tokens (ADR 0016)",
  },
];
