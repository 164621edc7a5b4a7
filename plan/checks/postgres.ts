/** Checks of Postgres and its pooler. */
import { prefixLength } from "../../lib/cidr.ts";
import type { Problem } from "../../lib/problem.ts";
import { quantityBytes } from "../../lib/quantity.ts";
import { poolBudget } from "../pooler.ts";
import { instanceCount } from "../postgres.ts";
import { ELSEWHERE, EXTENSIONS, PARAMETERS } from "../postgres-parameters.ts";
import { sizeInBytes } from "../postgres-values.ts";
import { supabaseConnections } from "../supabase.ts";
import { type Check, nodeList, set } from "./check.ts";

const membersAndServers: Check = (settings, { rejectedNodes }) => {
  const { postgres, nodes } = settings;
  if (!postgres || !nodes || rejectedNodes > 0) return [];
  const servers = nodeList(settings).filter(([, node]) => node.role === "server").length;
  const field = "gardenos:postgres.instances";
  if (servers === 0 || postgres.instances === undefined || postgres.instances <= servers) return [];
  const want = `at most ${servers}, one a server: two on the same node would be lost together`;
  return [{ field, got: postgres.instances, want, fix: set(field, servers) }];
};

const synchronousAlone: Check = ({ postgres, nodes }, { rejectedNodes }) => {
  if (!postgres?.synchronousMode || !nodes || rejectedNodes > 0) return [];
  if (instanceCount({ postgres, nodes }) > 1) return [];
  const field = "gardenos:postgres.synchronousMode";
  const want = "false with one instance: there is no standby to wait for";
  return [{ field, got: true, want, fix: `${set(field, "false")}, or set postgres.instances to 2 or more` }];
};

/** Patroni's own rule (docs/dynamic_configuration.rst); it would correct the values behind our back. */
const timing: Check = ({ postgres }) => {
  if (!postgres) return [];
  const { ttlSeconds, loopWaitSeconds, retryTimeoutSeconds } = postgres;
  const least = loopWaitSeconds + 2 * retryTimeoutSeconds;
  if (least <= ttlSeconds) return [];
  const field = "gardenos:postgres.ttlSeconds";
  const want = `at least loopWaitSeconds + 2 × retryTimeoutSeconds = ${least}, or a leader could lose its lock while it works`;
  return [{ field, got: ttlSeconds, want, fix: set(field, least) }];
};

/** Names that mean something to Postgres, PgBouncer, Supabase or JavaScript already. */
const TAKEN = [
  "postgres",
  "template0",
  "template1",
  "pgbouncer",
  "replication",
  "all",
  "sameuser",
  "samerole",
  "samegroup",
  "constructor",
];

const databaseNames: Check = ({ postgres }) => {
  const names = Object.keys(postgres?.databases ?? {});
  const problem = (got: string, want: string): Problem => ({
    field: `gardenos:postgres.databases.${got}`,
    got,
    want,
    fix: "choose another name",
  });
  return names.flatMap((name) => {
    if (TAKEN.includes(name) || name.startsWith("pg_")) {
      return [problem(name, "a name that is not one of the system's own")];
    }
    const base = name.endsWith("_ro") ? name.slice(0, -"_ro".length) : "";
    if (base !== "postgres" && !names.includes(base)) return [];
    return [problem(name, `another name: ${name} is what the pooler calls the replicas of ${base}`)];
  });
};

const extensions: Check = ({ postgres }) =>
  Object.entries(postgres?.databases ?? {}).flatMap(([name, database]) =>
    database.extensions.flatMap((got, i) =>
      EXTENSIONS.includes(got)
        ? []
        : [
            {
              field: `gardenos:postgres.databases.${name}.extensions[${i}]`,
              got,
              want: `an extension of the image: ${EXTENSIONS.join(", ")}`,
              fix: "correct the name, or leave it out",
            },
          ],
    ),
  );

const parameters: Check = ({ postgres }) =>
  Object.entries(postgres?.parameters ?? {}).flatMap(([name, got]) => {
    const field = `gardenos:postgres.parameters.${name}`;
    const rule = Object.hasOwn(PARAMETERS, name) ? PARAMETERS[name] : undefined;
    if (rule) return rule.accepts(got) ? [] : [{ field, got, want: rule.want, fix: set(field, "<value>") }];
    const fix = `pulumi config rm --path '${field}'`;
    const instead = Object.hasOwn(ELSEWHERE, name) ? ELSEWHERE[name] : undefined;
    const want = instead
      ? `no such key: ${instead} decides it`
      : "a parameter that a stack may set (plan/postgres-parameters.ts); this one is unknown, or the program sets or forbids it";
    return [{ field, got, want, fix: instead ? `${fix}, and set ${instead}` : fix }];
  });

/** Postgres takes it at its start, beside what every connection needs. */
const sharedBuffers: Check = ({ postgres }) => {
  const got = postgres?.parameters["shared_buffers"];
  if (!postgres || got === undefined || !PARAMETERS["shared_buffers"]?.accepts(got)) return [];
  if (sizeInBytes(got, "8kB") <= quantityBytes(postgres.memory) / 2) return [];
  const field = "gardenos:postgres.parameters.shared_buffers";
  const want = `at most half of postgres.memory (${postgres.memory}): with more, no member starts`;
  return [{ field, got, want, fix: `${set(field, "<value>")}, or raise postgres.memory` }];
};

const memory: Check = ({ postgres }) => {
  if (!postgres || quantityBytes(postgres.memory) >= quantityBytes("256Mi")) return [];
  const field = "gardenos:postgres.memory";
  return [
    {
      field,
      got: postgres.memory,
      want: "256Mi or more: Postgres and Patroni need that at rest",
      fix: set(field, "1Gi"),
    },
  ];
};

const worldWide: Check = ({ postgres, environment }) => {
  if (environment !== "prod") return [];
  const field = "gardenos:postgres.allowedCidrs";
  return (postgres?.allowedCidrs ?? [])
    .filter((cidr) => prefixLength(cidr) < 8)
    .map((got) => ({ field, got, want: "no world-wide access in prod", fix: "name your own networks" }));
};

const poolers: Check = (settings, { rejectedNodes }) => {
  const got = settings.pgbouncer?.replicas;
  const nodes = nodeList(settings).length;
  if (got === undefined || nodes === 0 || rejectedNodes > 0 || got <= nodes) return [];
  const field = "gardenos:pgbouncer.replicas";
  const want = `at most ${nodes}, one a node: two on the same node would be lost together`;
  return [{ field, got, want, fix: set(field, nodes) }];
};

const pools: Check = ({ postgres, pgbouncer, nodes, supabase }, { rejectedNodes }) => {
  if (!postgres || !pgbouncer || !nodes || rejectedNodes > 0) return [];
  const { used, max } = poolBudget({ postgres, pgbouncer, nodes });
  const services = supabase ? supabaseConnections(supabase) : 0;
  const missing = used + services - max;
  if (missing <= 0) return [];
  const field = "gardenos:postgres.maxConnections";
  const least = postgres.maxConnections + missing;
  const others = services > 0 ? `, Supabase's services ${services}` : "";
  const want = `at least ${least}: the pools take ${used} connections${others}, and ${postgres.maxConnections - max} are kept for everybody else`;
  return [
    { field, got: postgres.maxConnections, want, fix: `${set(field, least)}, or lower pgbouncer.poolSize` },
  ];
};

/** Only where there is one. */
const inFull =
  (check: Check): Check =>
  (settings, context) =>
    settings.profile === "full" ? check(settings, context) : [];

export const POSTGRES_CHECKS: readonly Check[] = [
  membersAndServers,
  synchronousAlone,
  timing,
  databaseNames,
  extensions,
  parameters,
  sharedBuffers,
  memory,
  worldWide,
  poolers,
  pools,
].map(inFull);
