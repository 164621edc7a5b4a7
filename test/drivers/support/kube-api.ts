/** A real kube-apiserver with an etcd of its own, both on loopback. No controllers, no nodes. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { defaultCacheDir } from "../../../lab/artifacts/cache.ts";
import { buildEtcd } from "../../../lab/artifacts/etcd.ts";
import { cacheDirOf } from "../../../lab/drivers/kubernetes/kubectl.ts";
import { freePort } from "./sshd.ts";

/** Signs in as system:masters. */
export const TOKEN = "token-of-the-test-cluster";
const READY_MS = 60_000;

export interface KubeApi {
  readonly kubeconfig: string;
  /** Runs the cluster's own kubectl as its administrator. */
  kubectl(...args: readonly string[]): string;
  /** Lets a namespace go that is being deleted. */
  finalize(namespace: string): void;
  startServer(): Promise<void>;
  /** Ends the API server; etcd stays. */
  stopServer(): Promise<void>;
  remove(): Promise<void>;
}

/** The multi-call binary that the lab's nodes run, where it has been built. */
export function k3sBinary(): string | undefined {
  return process.env["GARDENOS_TEST_K3S"] || undefined;
}

async function unpackEtcd(folder: string): Promise<string> {
  const quiet = { onProgress: () => undefined, log: () => undefined };
  const { file } = await buildEtcd({ cacheDir: defaultCacheDir(), ...quiet });
  execFileSync("tar", ["--extract", "--file", file, "--directory", folder, "--strip-components=1"]);
  return join(folder, "etcd");
}

function launch(argv: readonly string[]): ChildProcess {
  return spawn("setpriv", ["--pdeathsig", "KILL", "--", ...argv], { stdio: "ignore" });
}

async function end(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await gone;
}

async function until(isDone: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = Date.now() + READY_MS;
  while (!(await isDone())) {
    if (Date.now() > deadline) throw new Error(`${what} after ${READY_MS / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** @param binary see {@link k3sBinary} */
export async function startKubeApi(binary: string): Promise<KubeApi> {
  const folder = mkdtempSync(join(tmpdir(), "gardenos-kube-test-"));
  const [clientPort, peerPort, apiPort] = [await freePort(), await freePort(), await freePort()];
  const etcd = launch([
    await unpackEtcd(folder),
    ...["--data-dir", join(folder, "data"), "--unsafe-no-fsync", "--log-level=error"],
    ...["--listen-client-urls", `http://127.0.0.1:${clientPort}`],
    ...["--advertise-client-urls", `http://127.0.0.1:${clientPort}`],
    ...["--listen-peer-urls", `http://127.0.0.1:${peerPort}`],
  ]);
  const serverProgram = join(folder, "kube-apiserver");
  symlinkSync(binary, serverProgram);
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const key = join(folder, "service.key");
  writeFileSync(key, privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o600 });
  writeFileSync(join(folder, "tokens"), `${TOKEN},admin,1,system:masters\n`, { mode: 0o600 });
  mkdirSync(join(folder, "certs"));
  const url = `https://127.0.0.1:${apiPort}`;
  const kubeconfig = stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "test", cluster: { server: url, "insecure-skip-tls-verify": true } }],
    users: [{ name: "admin", user: { token: TOKEN } }],
    contexts: [{ name: "test", context: { cluster: "test", user: "admin" } }],
    "current-context": "test",
  });
  const configFile = join(folder, "kubeconfig");
  writeFileSync(configFile, kubeconfig, { mode: 0o600 });
  const kubectl = (...args: readonly string[]): string =>
    execFileSync(binary, ["kubectl", `--kubeconfig=${configFile}`, ...args], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });
  let server: ChildProcess | undefined;
  const isReady = (): boolean => {
    try {
      return kubectl("get", "--raw=/readyz") === "ok";
    } catch {
      return false;
    }
  };
  const api: KubeApi = {
    kubeconfig,
    kubectl,
    finalize(namespace) {
      const body = {
        apiVersion: "v1",
        kind: "Namespace",
        metadata: { name: namespace },
        spec: { finalizers: [] },
      };
      const file = join(folder, "namespace.json");
      writeFileSync(file, JSON.stringify(body));
      kubectl("replace", `--raw=/api/v1/namespaces/${namespace}/finalize`, `--filename=${file}`);
    },
    async startServer() {
      server = launch([
        serverProgram,
        ...[`--etcd-servers=http://127.0.0.1:${clientPort}`, `--secure-port=${apiPort}`],
        ...["--bind-address=127.0.0.1", "--advertise-address=192.0.2.1", "--endpoint-reconciler-type=none"],
        ...[`--cert-dir=${join(folder, "certs")}`, "--service-cluster-ip-range=10.43.0.0/16"],
        ...[`--token-auth-file=${join(folder, "tokens")}`, "--authorization-mode=RBAC"],
        ...[`--service-account-key-file=${key}`, `--service-account-signing-key-file=${key}`],
        ...[
          "--service-account-issuer=https://kubernetes.default.svc",
          "--disable-admission-plugins=ServiceAccount",
        ],
      ]);
      await until(isReady, "the API server is not ready");
      await until(
        () => kubectl("get", "namespaces", "--output=name").includes("/default"),
        "no default namespace",
      );
    },
    stopServer: () => end(server),
    async remove() {
      await end(server);
      await end(etcd);
      rmSync(folder, { recursive: true });
      rmSync(cacheDirOf({ kubeconfig, flags: [] }), { recursive: true, force: true });
    },
  };
  try {
    await api.startServer();
    return api;
  } catch (error) {
    await api.remove();
    throw error;
  }
}
