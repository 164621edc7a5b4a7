/** `debug`: one file with what is needed to find out what is wrong, and without secrets. */
import { writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import pLimit from "p-limit";
import { renderTar } from "../lib/tar.ts";
import { NAMESPACES } from "../plan/namespaces.ts";
import type { OpsAccess } from "./access.ts";
import { POSTGRES_NODE } from "./pg.ts";
import { leaksIn, redact, secretsOf } from "./redact.ts";
import { shellWord } from "./ssh.ts";
import { readStatus } from "./status/index.ts";

/** Before every command: `k` is kubectl on a server. */
const KUBECTL =
  '[ ! -r /etc/gardenos/k3s.env ] || . /etc/gardenos/k3s.env; k() { "$K3S" kubectl --kubeconfig /etc/rancher/k3s/k3s.yaml --request-timeout=20s "$@"; }';
const UNITS = ["etcd", "k3s", "haproxy", "ssh"] as const;
/** Of each unit and container. */
const LINES = 2000;
/** Commands at a time: a server's sshd lets ten in that have not said yet who they are, and its kubectl needs a processor. */
const PARALLEL = 4;

/** File in the bundle → command on a node. */
type Commands = Readonly<Record<string, string>>;

const ON_EVERY_NODE: Commands = {
  "system.txt": "uname -a; cat /etc/os-release; uptime; free -m; df -h; systemctl --failed --no-pager",
  "packages.txt": "dpkg-query -W; ls /opt",
  "network.txt": "ip addr; ip route; ss -ltn",
  "haproxy.json": "/usr/local/lib/gardenos/haproxy-node status",
  ...Object.fromEntries(
    UNITS.map((unit) => [`journal-${unit}.txt`, `journalctl --no-pager -o short-iso -n ${LINES} -u ${unit}`]),
  ),
};

/** Secrets by name alone. */
const OF_KUBERNETES: Commands = {
  "nodes.txt": "k get nodes -o wide; k describe nodes",
  "volumes.txt": "k get pv,storageclass -o wide",
  "events.txt": "k get events -A --sort-by=.lastTimestamp",
  "pods.txt": "k get pods -A -o wide",
};

const ofNamespace = (namespace: string): Commands => ({
  "objects.txt": `k -n ${namespace} get all,pvc,networkpolicies,ingresses,configmaps,secrets,pdb -o wide`,
  "describe.txt": `k -n ${namespace} describe pods,services,statefulsets,deployments,daemonsets,jobs`,
  "logs.txt":
    `for pod in $(k -n ${namespace} get pods -o name); do echo "=== $pod"; ` +
    `k -n ${namespace} logs "$pod" --all-containers --prefix --tail=${LINES}; done`,
});

const OF_POSTGRES: Commands = Object.fromEntries(
  ["cluster", "config", "history"].map((what) => [`${what}.json`, `${POSTGRES_NODE} show ${what}`]),
);

export interface DebugOptions {
  /** One line of progress. */
  say(line: string): void;
  /** @default `gardenos-debug-<stack>-<time>.tar.gz` in the working directory */
  readonly output?: string | undefined;
}

/**
 * What can't be had is in the bundle as the reason why.
 * @returns the file's name; only its owner may read it
 * @throws Error that names files of the bundle, when a secret is still in one after redaction. Nothing is written then
 */
export async function debugBundle(access: OpsAccess, { say, output }: DebugOptions): Promise<string> {
  const { exports } = access;
  const files = new Map<string, string>();
  say("status");
  const found = await readStatus(access);
  files.set("status.json", JSON.stringify(found, undefined, 2));
  files.set("versions.json", JSON.stringify(exports.versions, undefined, 2));
  const limit = pLimit(PARALLEL);
  const collect = async (folder: string, node: string, commands: Commands) => {
    const texts = Object.entries(commands).map(async ([file, command]) => {
      const run = `sh -c ${shellWord(`${KUBECTL}; { ${command}; } 2>&1 || true`)}`;
      return [`${folder}/${file}`, await limit(() => access.run(node, run).catch(String))] as const;
    });
    for (const [file, text] of await Promise.all(texts)) files.set(file, text);
    say(folder);
  };
  const reachable = found.nodes.filter((node) => node.reachable).map(({ name }) => name);
  const [speaker] = reachable;
  const collections = reachable.map((node) => collect(`nodes/${node}`, node, ON_EVERY_NODE));
  if (speaker !== undefined && exports.kubernetes) {
    collections.push(collect("kubernetes", speaker, OF_KUBERNETES));
    for (const { name } of [...Object.values(NAMESPACES), { name: "kube-system" }]) {
      collections.push(collect(`kubernetes/${name}`, speaker, ofNamespace(name)));
    }
    if (exports.postgres) collections.push(collect("postgres", speaker, OF_POSTGRES));
  }
  await Promise.all(collections);
  return write(files, secretsOf(exports), output ?? defaultName(exports.stack));
}

function write(files: ReadonlyMap<string, string>, secrets: readonly string[], output: string): string {
  const entries = [...files].map(([name, text]) => ({ name, data: redact(text, secrets) }));
  const leaks = entries.filter(({ data }) => leaksIn(data, secrets)).map(({ name }) => name);
  if (leaks.length > 0) {
    throw new Error(`nothing was written: a secret of the stack is still in ${leaks.join(", ")}`);
  }
  writeFileSync(output, gzipSync(renderTar(entries)), { mode: 0o600, flag: "wx" });
  return output;
}

const defaultName = (stack: string): string =>
  `gardenos-debug-${stack}-${new Date().toISOString().replaceAll(/[:.]/g, "-")}.tar.gz`;
