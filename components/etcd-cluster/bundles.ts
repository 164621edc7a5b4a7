/** The two bundles of a member: what it needs to exist, and what it needs to be restarted for. */
import type * as pulumi from "@pulumi/pulumi";
import { readRepositoryFile } from "../../lib/repository-file.ts";
import type { EtcdPlan } from "../../plan/plan.ts";
import type { Bundle, BundleFile } from "../host/index.ts";
import type { KeyPair } from "../pki/index.ts";
import type { EtcdPki } from "./pki.ts";
import {
  type EtcdMember,
  etcdDirectory,
  PKI,
  renderCtlEnv,
  renderEtcdEnv,
  renderMemberEnv,
  renderUnit,
  renderWrapper,
  TOKEN_KEY,
} from "./render.ts";

export interface MemberContext {
  readonly self: EtcdMember;
  readonly all: readonly EtcdMember[];
  readonly settings: EtcdPlan;
  readonly clusterToken: string;
  readonly pki: EtcdPki;
}

type HostFile = BundleFile<pulumi.Input<string>>;

/** First-start copies; the roll owns the real ones. */
const STAGED = "/usr/local/share/gardenos/etcd";

function keyPair(name: string, pair: KeyPair | undefined, owner: string): HostFile[] {
  if (!pair) return [];
  return [
    { path: `${PKI}/${name}.crt`, content: pair.cert, mode: "0644" },
    { path: `${PKI}/${name}.key`, content: pair.key, mode: "0600", owner },
  ];
}

/** Binaries, certificates and scripts: nothing here restarts etcd, so all nodes take it at once. */
export function filesBundle({
  self,
  all,
  settings,
  clusterToken,
  pki,
}: MemberContext): Bundle<pulumi.Input<string>> {
  const { version, url, sha256 } = settings.artifact;
  return {
    name: "etcd-files",
    artifacts: [{ name: "etcd", url, sha256, directory: etcdDirectory(version) }],
    users: [{ name: "etcd", home: "/var/lib/etcd" }],
    directories: [
      { path: "/var/lib/etcd", mode: "0700", owner: "etcd:etcd" },
      { path: PKI, mode: "0755", owner: "root:root" },
    ],
    files: [
      { path: `${PKI}/client-ca.crt`, content: pki.clientCa },
      { path: `${PKI}/peer-ca.crt`, content: pki.peerCa },
      ...keyPair("server", pki.servers[self.name], "etcd:etcd"),
      ...keyPair("peer", pki.peers[self.name], "etcd:etcd"),
      ...keyPair("root", pki.clients.root, "root:root"),
      { path: TOKEN_KEY, content: pki.tokenKey, mode: "0600", owner: "etcd:etcd" },
      { path: "/etc/etcd/member.env", content: renderMemberEnv(self, all, clusterToken) },
      { path: "/etc/etcd/ctl.env", content: renderCtlEnv(all) },
      {
        path: "/usr/local/lib/gardenos/etcd-member",
        mode: "0755",
        content: readRepositoryFile("files/etcd/etcd-member.sh"),
      },
      { path: "/usr/local/bin/etcdctl", mode: "0755", content: renderWrapper("etcdctl", version) },
      { path: "/usr/local/bin/etcdutl", mode: "0755", content: renderWrapper("etcdutl", version) },
      { path: `${STAGED}/etcd.env`, content: renderEtcdEnv(self, settings) },
      { path: `${STAGED}/etcd.service`, content: renderUnit(self, version) },
    ],
  };
}

/** Configuration and unit. A change restarts the member, if quorum survives that. */
export function rollBundle({ self, settings }: MemberContext): Bundle {
  return {
    name: "etcd-roll",
    files: [
      { path: "/etc/etcd/etcd.env", content: renderEtcdEnv(self, settings) },
      { path: "/etc/systemd/system/etcd.service", content: renderUnit(self, settings.artifact.version) },
    ],
    units: [{ name: "etcd.service", action: "restart" }],
    hooks: {
      gate: readRepositoryFile("files/etcd/gate.sh"),
      health: readRepositoryFile("files/etcd/health.sh"),
      healthTimeout: 90,
    },
  };
}
