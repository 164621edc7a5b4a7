/** `validate`: does a living stack do what it promises, end to end? One sentence a check. */
import { X509Certificate } from "node:crypto";
import { apiCredentials, type OpsAccess } from "./access.ts";
import { ApiProbe } from "./measure.ts";
import { POSTGRES_NODE, pgShow } from "./pg.ts";
import {
  isBackendHealthy,
  isDiskFull,
  POSTGRES_BACKENDS,
  postgresTroubles,
  readStatus,
  type Status,
} from "./status/index.ts";
import { renderTable } from "./table.ts";

/** The machine-readable form; keys are only ever added. */
export interface Check {
  /** What was looked at: `etcd`, `node n1`, … */
  readonly name: string;
  readonly ok: boolean;
  /** What was found; the reason when it is not well. */
  readonly detail: string;
}

const DAY_MS = 86_400_000;
const MINIMUM_DAYS = 30;
/** Where nodes keep certificates. Keys stay where they are: only lines of certificates are read. */
const CERTIFICATES =
  "find /etc/etcd /etc/gardenos /etc/haproxy /var/lib/rancher/k3s/server/tls -name '*.crt' -exec cat {} + 2>/dev/null" +
  " | awk '/BEGIN CERTIFICATE/,/END CERTIFICATE/'";

const good = (name: string, detail: string): Check => ({ name, ok: true, detail });
const bad = (name: string, detail: string): Check => ({ name, ok: false, detail });
/** @param troubles none: it is well */
const judged = (name: string, troubles: readonly string[], detail: string): Check =>
  troubles.length === 0 ? good(name, detail) : bad(name, troubles.join(", "));

/** A check that could not be made is one that failed. */
async function attempt(name: string, body: () => Promise<Check>): Promise<Check> {
  return body().catch((error: unknown) => bad(name, error instanceof Error ? error.message : String(error)));
}

/** Looks at everything once, and changes nothing. @param now for the certificates' ends */
export async function validate(access: OpsAccess, now = Date.now()): Promise<readonly Check[]> {
  const found = await readStatus(access);
  const checks = await Promise.all([
    ...nodeChecks(found),
    etcdCheck(found),
    ...(access.exports.kubernetes ? apiChecks(access) : []),
    ...certificateChecks(access, found, now),
    ...(found.postgres ? postgresChecks(access, found, found.postgres) : []),
  ]);
  return checks;
}

const nodeChecks = ({ nodes }: Status): readonly Check[] =>
  nodes.map((node) => {
    const { name, state, reachable, diskFreeBytes = Number.NaN } = node;
    const room = `${(diskFreeBytes / 1024 ** 3).toFixed(1)} GiB of disk left`;
    const lost = state === "running" ? "runs, and lets nobody in" : `is ${state}`;
    if (!reachable) return bad(`node ${name}`, lost);
    return judged(
      `node ${name}`,
      isDiskFull(node) ? [`${room}: Postgres and etcd stop without any`] : [],
      Number.isNaN(diskFreeBytes) ? "reachable" : `reachable, ${room}`,
    );
  });

function etcdCheck({ etcd, nodes }: Status): Check {
  const ill = etcd.members.filter(({ healthy }) => !healthy).map(({ name }) => `${name} is not healthy`);
  const few =
    etcd.members.length < nodes.length ? [`${etcd.members.length} members on ${nodes.length} nodes`] : [];
  const leader = etcd.members.find((member) => member.leader);
  return judged("etcd", [...ill, ...few, ...(leader ? [] : ["no leader"])], `${leader?.name} leads`);
}

function apiChecks(access: OpsAccess): readonly Promise<Check>[] {
  return Object.entries(access.exports.nodes).map(([key, { publicIp }]) => {
    const name = `API through ${key}`;
    return attempt(name, async () => {
      const { endpoint, ...credentials } = apiCredentials(access.exports);
      const port = Number(endpoint.port);
      const probe = await ApiProbe.start({ credentials, addresses: [publicIp], port, firstAnswerMs: 5000 });
      const { medianMs } = await probe.stop();
      return good(name, `answers in ${medianMs} ms`);
    });
  });
}

function certificateChecks(access: OpsAccess, { nodes }: Status, now: number): readonly Promise<Check>[] {
  const onNodes = nodes.map(({ name: node }) => {
    const name = `certificates on ${node}`;
    return attempt(name, async () => certificates(name, await access.run(node, CERTIFICATES), now));
  });
  const { kubernetes } = access.exports;
  if (!kubernetes) return onNodes;
  const kubeconfig = () => certificates("kubeconfig", apiCredentials(access.exports).cert, now);
  return [...onNodes, attempt("kubeconfig", async () => kubeconfig())];
}

/** @param pem any number of certificates, one after the other */
export function certificates(name: string, pem: string, now: number): Check {
  const all = (pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []).map((text) => {
    const { subject, validTo } = new X509Certificate(text);
    return {
      subject: subject?.replaceAll("\n", " ") || "(no name)",
      days: (Date.parse(validTo) - now) / DAY_MS,
    };
  });
  const [first] = all.sort((a, b) => a.days - b.days);
  if (!first) return bad(name, "there are none");
  const text = `${all.length}, the first ends in ${Math.floor(first.days)} days: ${first.subject}`;
  return first.days > MINIMUM_DAYS
    ? good(name, text)
    : bad(name, `${text}; docs/runbooks/certificates.md tells how to renew it`);
}

function postgresChecks(
  access: OpsAccess,
  { nodes, haproxy = [] }: Status,
  postgres: NonNullable<Status["postgres"]>,
): readonly (Check | Promise<Check>)[] {
  const leader = postgres.members.find(({ role }) => role === "leader")?.name;
  return [
    judged("Postgres", postgresTroubles(postgres), `${postgres.members.length} members, ${leader} leads`),
    attempt("Patroni's settings", async () =>
      settingsCheck(JSON.parse(await pgShow(access, "config")), postgres.members.length),
    ),
    ...nodes.map(({ name }) => {
      const backends = haproxy.find(({ node }) => node === name)?.backends ?? [];
      return backendCheck(`Postgres through ${name}`, backends, postgres.members.length);
    }),
    attempt("PgBouncer", async () => {
      await access.run(nodes.find(({ reachable }) => reachable)?.name ?? "", `${POSTGRES_NODE} pooler`);
      return good("PgBouncer", "answers with TLS");
    }),
  ];
}

const off = (value: unknown): boolean => value === undefined || value === false || value === "off";

function settingsCheck(config: Readonly<Record<string, unknown>>, members: number): Check {
  const troubles = [
    ...(members > 1 && off(config["synchronous_mode"])
      ? ["synchronous_mode is off: a lost leader may take commits with it"]
      : []),
    ...(off(config["failsafe_mode"]) ? ["failsafe_mode is off: writes stop while etcd is away"] : []),
  ];
  return judged(
    "Patroni's settings",
    troubles,
    members > 1 ? "synchronous, failsafe" : "one member, failsafe",
  );
}

function backendCheck(
  name: string,
  backends: NonNullable<Status["haproxy"]>[number]["backends"],
  instances: number,
): Check {
  if (backends.length === 0) return judged(name, ["HAProxy does not answer"], "");
  const seen = Object.values(POSTGRES_BACKENDS).map((backend) =>
    backends.find((each) => each.name === backend),
  );
  const troubles = seen.flatMap((backend, i) => {
    const title = Object.values(POSTGRES_BACKENDS)[i];
    if (!backend) return [`HAProxy has no ${title}`];
    return isBackendHealthy(backend, instances) ? [] : [`${title} ${backend.up}/${backend.total}`];
  });
  return judged(
    name,
    troubles,
    seen.map((backend) => `${backend?.name} ${backend?.up}/${backend?.total}`).join(", "),
  );
}

/** The screen: a row a check, then the verdict. */
export function renderChecks(checks: readonly Check[]): string {
  const failed = checks.filter(({ ok }) => !ok).length;
  const rows = checks.map(({ name, ok, detail }) => [ok ? "ok" : "FAIL", name, detail]);
  const verdict =
    failed === 0 ? `All ${checks.length} checks passed.` : `${failed} of ${checks.length} checks failed.`;
  return [renderTable(["", "check", "found"], rows), verdict].join("\n");
}
