/** The two bundles of a server: what K3s needs to exist, and what it must be restarted for. */
import { basename, dirname } from "node:path";
import type * as pulumi from "@pulumi/pulumi";
import { readRepositoryFile } from "../../lib/repository-file.ts";
import type { K3sPlan } from "../../plan/plan.ts";
import type { Bundle, BundleArtifact, BundleFile } from "../host/index.ts";
import type { K3sControlPlaneArgs } from "./args.ts";
import type { K3sPki } from "./pki.ts";
import {
  type K3sServer,
  k3sDirectory,
  PATHS,
  renderAdmission,
  renderAuditPolicy,
  renderConfig,
  renderEventRateLimit,
  renderKubectl,
  renderNodeEnv,
  renderUnit,
} from "./render.ts";

/** One server with what all have in common. */
export interface ServerContext {
  readonly self: K3sServer;
  readonly all: readonly K3sServer[];
  readonly settings: K3sPlan;
  readonly sans: pulumi.Output<readonly string[]>;
  readonly etcd: K3sControlPlaneArgs["etcd"];
  readonly pki: K3sPki;
  /** Secret that all servers share. */
  readonly token: pulumi.Output<string>;
  /** Secret that proves a server of this name to be the one that was here before. */
  readonly nodePassword: pulumi.Output<string>;
}

type HostFile = BundleFile<pulumi.Input<string>>;

/** First-start copies; the roll owns the real ones. */
const STAGED = "/usr/local/share/gardenos/k3s";

const secretFile = (path: string, content: pulumi.Input<string>): HostFile => ({
  path,
  content,
  mode: "0600",
});

/** K3s takes authorities that are there at the first start, and rotates them itself afterwards. */
function authorities({ pki }: ServerContext): HostFile[] {
  const roles = { server: pki.serverCa, client: pki.clientCa, "request-header": pki.requestHeaderCa };
  const pairs = Object.entries(roles).flatMap(([role, ca]): HostFile[] => [
    { path: `${PATHS.tls}/${role}-ca.crt`, content: ca.chain, seed: true },
    { ...secretFile(`${PATHS.tls}/${role}-ca.key`, ca.key), seed: true },
  ]);
  return [...pairs, { ...secretFile(`${PATHS.tls}/service.key`, pki.serviceAccountKey), seed: true }];
}

function credentials({ etcd, token, nodePassword }: ServerContext): HostFile[] {
  return [
    secretFile(PATHS.token, token),
    secretFile(PATHS.nodePassword, nodePassword),
    { path: PATHS.etcdCa, content: etcd.caPem },
    { path: PATHS.etcdCert, content: etcd.client.cert },
    secretFile(PATHS.etcdKey, etcd.client.key),
  ];
}

function config({ self, settings, sans, etcd }: ServerContext): pulumi.Output<string> {
  const { [self.name]: own, ...others } = etcd.endpoints;
  const datastoreEndpoints = [...(own ? [own] : []), ...Object.values(others)];
  return sans.apply((names) => renderConfig(self, { ...settings, sans: names, datastoreEndpoints }));
}

function artifacts({ artifact, images }: K3sPlan): readonly BundleArtifact[] {
  const { version, url, sha256 } = artifact;
  const binary = { name: "k3s", url, sha256, directory: k3sDirectory(version), fileName: "k3s" };
  if (!images) return [binary];
  const archive = { name: "k3s-images", url: images.url, sha256: images.sha256, directory: PATHS.images };
  return [binary, { ...archive, fileName: "gardenos.tar" }];
}

/** Files that the configuration names when it is hardened, for the folder they are read from or staged in. */
function hardening({ settings }: ServerContext, folder: string): HostFile[] {
  if (!settings.cis) return [];
  return [
    { path: `${folder}/${basename(PATHS.auditPolicy)}`, content: renderAuditPolicy() },
    { path: `${folder}/${basename(PATHS.admission)}`, content: renderAdmission() },
    { path: `${folder}/${basename(PATHS.eventRateLimit)}`, content: renderEventRateLimit() },
  ];
}

/** Binary, images, secrets and scripts: nothing here restarts K3s, so all nodes take it at once. */
export function filesBundle(context: ServerContext): Bundle<pulumi.Input<string>> {
  const { self, all, settings } = context;
  const { version } = settings.artifact;
  return {
    name: "k3s-files",
    artifacts: artifacts(settings),
    directories: [
      { path: PATHS.tls, mode: "0700", owner: "root:root" },
      { path: PATHS.auditLogs, mode: "0700", owner: "root:root" },
    ],
    files: [
      ...credentials(context),
      ...authorities(context),
      { path: PATHS.env, content: renderNodeEnv(self, all, version) },
      { path: PATHS.script, mode: "0755", content: readRepositoryFile("files/k3s/k3s-node.sh") },
      { path: "/usr/local/bin/kubectl", mode: "0755", content: renderKubectl(version) },
      { path: `${STAGED}/config.yaml`, content: config(context) },
      ...hardening(context, STAGED),
      { path: `${STAGED}/k3s.service`, content: renderUnit(version) },
    ],
    hooks: { validate: readRepositoryFile("files/k3s/validate.sh") },
  };
}

/** Configuration and unit. A change restarts this server, if the others serve meanwhile. */
export function rollBundle(context: ServerContext): Bundle<pulumi.Input<string>> {
  return {
    name: "k3s-roll",
    files: [
      { path: PATHS.config, content: config(context) },
      ...hardening(context, dirname(PATHS.config)),
      { path: PATHS.unit, content: renderUnit(context.settings.artifact.version) },
    ],
    units: [{ name: "k3s.service", action: "restart" }],
    hooks: {
      gate: readRepositoryFile("files/k3s/gate.sh"),
      health: readRepositoryFile("files/k3s/health.sh"),
      healthTimeout: 300,
    },
  };
}
