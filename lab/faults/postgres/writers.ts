/** Clients that insert rows all the time: two outside the cluster, two in a pod. */
import { readFileSync } from "node:fs";
import type pg from "pg";
import { ASK_AGAIN_SOON } from "../../../components/kubernetes/pods.ts";
import { allStarted } from "../../../lib/all-started.ts";
import type { OpsAccess } from "../../../ops/access.ts";
import { loginOf, PostgresProbe } from "../../../ops/postgres-probe.ts";
import { waitFor } from "../../../ops/wait.ts";
import { NAMESPACES } from "../../../plan/namespaces.ts";
import type { World } from "../faults.ts";
import { type Attempt, type Path, parseAttempts, paths } from "./acks.ts";
import { NAMESPACE } from "./scene.ts";

/** A hundred rows a second, on each path. */
export const INTERVAL_MS = 10;
const TABLE =
  "CREATE TABLE IF NOT EXISTS gardenos_faults (run text, path text, n bigint, PRIMARY KEY (run, path, n))";
const INSERT =
  "INSERT INTO gardenos_faults (run, path, n) VALUES ($1, $2, $3) RETURNING " +
  "substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) AS timeline, host(inet_server_addr()) AS server";

/** Milliseconds since 1970, as precise as the clock of this process. */
export const now = (): number => performance.timeOrigin + performance.now();

interface Started {
  readonly run: string;
  readonly world: World;
  readonly access: OpsAccess;
  readonly attempts: Record<Path, Attempt[]>;
  readonly probes: readonly PostgresProbe[];
}

/** Writers of one run; they end with {@link stopWriters}. */
export type Writers = Started;

/** @param witness node that no fault ends: its HAProxy serves one writer, and the pod runs there */
export async function startWriters(
  access: OpsAccess,
  world: World,
  { run, witness }: { readonly run: string; readonly witness: string },
): Promise<Writers> {
  await query(access, async (client) => client.query(TABLE));
  const attempts = Object.fromEntries(paths.map((path) => [path, []])) as unknown as Record<Path, Attempt[]>;
  const { publicIp = "" } = access.exports.nodes[witness] ?? {};
  const all = access.exports.postgres?.hosts ?? [];
  await createPod(world, await podOf(access, world, { run, witness }));
  const probes = await allStarted(
    [
      outside(access, attempts.node, { run, path: "node", hosts: [publicIp] }),
      outside(access, attempts.nodes, { run, path: "nodes", hosts: all }),
    ],
    (probe) => probe.stop(),
  );
  const writers = { run, world, access, attempts, probes };
  const both = await waitFor(
    async () => Object.values(await readLogs(writers)).every((log) => log.includes("server")),
    {
      seconds: 60,
    },
  );
  if (both) return writers;
  await stopWriters(writers);
  throw new Error(
    `writers in pods do not write: ${JSON.stringify(await readLogs(writers).catch(String)).slice(0, 500)}`,
  );
}

/** Some faults have moved etcd's leader just before, and the API server may say so to whoever asks meanwhile. */
async function createPod(world: World, pod: object): Promise<void> {
  let refusal: unknown;
  const apply = () =>
    world.kubectl(["apply", "-f", "-"], JSON.stringify(pod)).then(
      () => true,
      (error: unknown) => {
        refusal = error;
        return false;
      },
    );
  if (!(await waitFor(apply, { seconds: 20 }))) throw refusal;
}

/** Everything that was tried, by path. */
export async function stopWriters(writers: Writers): Promise<Readonly<Record<Path, readonly Attempt[]>>> {
  const { attempts, probes, world } = writers;
  await Promise.all(probes.map((probe) => probe.stop()));
  const logs = await waitFor(() => readLogs(writers), { seconds: 60 });
  const what = ["pod,secret,configmap", NAME, "--ignore-not-found", "--now"];
  // The API may be on its way back, too.
  await waitFor(
    () =>
      world.kubectl(["-n", NAMESPACES.apps.name, "delete", ...what]).then(
        () => true,
        () => false,
      ),
    { seconds: 60 },
  );
  return {
    ...attempts,
    service: parseAttempts(logs?.service ?? ""),
    pooler: parseAttempts(logs?.pooler ?? ""),
  };
}

/** Rows of a run that are there now, by path; afterwards they are gone. */
export async function takeRows({ access, run }: Writers): Promise<ReadonlyMap<string, ReadonlySet<number>>> {
  const rows = await query(access, async (client) => {
    const found = await client.query<{ path: string; n: string }>(
      "SELECT path, n FROM gardenos_faults WHERE run = $1",
      [run],
    );
    await client.query("DELETE FROM gardenos_faults WHERE run = $1", [run]);
    return found.rows;
  });
  const present = new Map<string, Set<number>>(paths.map((path) => [path, new Set()]));
  for (const { path, n } of rows) present.get(path)?.add(Number(n));
  return present;
}

/** Once, as the owner, at any node that leads to the primary. */
async function query<T>(access: OpsAccess, body: (client: pg.Client) => Promise<T>): Promise<T> {
  let answer: { readonly value: T } | undefined;
  const probe = await PostgresProbe.startWith({
    ...{ login: loginOf(access.exports, "owner"), hosts: access.exports.postgres?.hosts ?? [] },
    commit: async (client) => {
      answer ??= { value: await body(client) };
    },
  });
  await probe.stop();
  if (!answer) throw new Error("Postgres answered, and there is no answer");
  return answer.value;
}

function outside(
  access: OpsAccess,
  attempts: Attempt[],
  { run, path, hosts }: { readonly run: string; readonly path: Path; readonly hosts: readonly string[] },
): Promise<PostgresProbe> {
  return PostgresProbe.startWith({
    ...{ login: loginOf(access.exports, "owner"), hosts, intervalMs: INTERVAL_MS },
    commit: async (client) => {
      const n = attempts.length + 1;
      const began = now();
      // Its place is taken at once: a number is never used twice.
      const index = attempts.push({ n, began, ended: began, error: "not answered" }) - 1;
      const { rows } = await client.query<{ timeline: string; server: string }>(INSERT, [run, path, n]);
      const [row] = rows;
      if (!row) throw new Error("no row came back");
      const timeline = Number.parseInt(row.timeline, 16);
      attempts[index] = { n, began, ended: now(), timeline, server: row.server };
    },
  });
}

const NAME = "faults-writer";

async function readLogs({ world }: Pick<Writers, "world">): Promise<Record<"service" | "pooler", string>> {
  const read = (container: string) =>
    world.kubectl(["-n", NAMESPACES.apps.name, "logs", NAME, "-c", container, "--tail=-1"]);
  const [service, pooler] = await Promise.all([read("service"), read("pooler")]);
  return { service, pooler };
}

/** A pod with a writer for each path that pods have, and what it reads. */
async function podOf(
  { exports }: OpsAccess,
  world: World,
  { run, witness }: { readonly run: string; readonly witness: string },
): Promise<object> {
  const { postgres } = exports;
  const { user, password, database, ca } = loginOf(exports, "owner");
  const image = await world.kubectl([
    ...["-n", NAMESPACE, "get", "pod", "postgres-0", "-o"],
    'jsonpath={.spec.containers[?(@.name=="postgres")].image}',
  ]);
  const metadata = { name: NAME, namespace: NAMESPACES.apps.name, labels: { "gardenos/database": "true" } };
  const container = (name: Path, host: string, port: number) => ({
    name,
    image,
    command: ["python3", "/writer/writer.py"],
    env: Object.entries({
      ...{ PGHOST: host, PGPORT: String(port), PGUSER: user, PGDATABASE: database },
      ...{ PGSSLROOTCERT: "/writer/ca.crt", WRITER_PATH: name, WRITER_RUN: run },
    })
      .map(([key, value]): object => ({ name: key, value }))
      .concat({ name: "PGPASSWORD", valueFrom: { secretKeyRef: { name: NAME, key: "password" } } }),
    resources: { requests: { cpu: "10m", memory: "64Mi" }, limits: { memory: "128Mi" } },
    securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } },
    volumeMounts: [{ name: "writer", mountPath: "/writer", readOnly: true }],
  });
  const script = readFileSync(new URL("./writer.py", import.meta.url), "utf8");
  const items = [
    { apiVersion: "v1", kind: "Secret", metadata, stringData: { password } },
    { apiVersion: "v1", kind: "ConfigMap", metadata, data: { "writer.py": script, "ca.crt": ca } },
    {
      apiVersion: "v1",
      kind: "Pod",
      metadata,
      spec: {
        nodeName: witness,
        restartPolicy: "Never",
        automountServiceAccountToken: false,
        terminationGracePeriodSeconds: 1,
        dnsConfig: ASK_AGAIN_SOON,
        securityContext: {
          runAsNonRoot: true,
          runAsUser: 65_532,
          seccompProfile: { type: "RuntimeDefault" },
        },
        containers: [
          container("service", postgres?.primary ?? "", 5432),
          container("pooler", postgres?.pgbouncer.host ?? "", postgres?.pgbouncer.port ?? 0),
        ],
        volumes: [{ name: "writer", configMap: { name: NAME } }],
      },
    },
  ];
  return { apiVersion: "v1", kind: "List", items };
}
