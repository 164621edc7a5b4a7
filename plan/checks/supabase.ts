/** Checks of Supabase. */
import type { Settings } from "../../config/schema.ts";
import type { Problem } from "../../lib/problem.ts";
import { servicesOf } from "../supabase.ts";
import { type Check, set } from "./check.ts";

type Supabase = Settings["supabase"];

/** Only where there is one. */
const where =
  (check: (supabase: Supabase, ...rest: Parameters<Check>) => readonly Problem[]): Check =>
  (settings, context) =>
    settings.supabase && settings.supabase.profile !== "none"
      ? check(settings.supabase, settings, context)
      : [];

const database = where(({ database: got }, { postgres }) => {
  if (!postgres || Object.hasOwn(postgres.databases, got)) return [];
  const field = "gardenos:supabase.database";
  const want = `a database of postgres.databases: ${Object.keys(postgres.databases).join(", ") || "none"}`;
  return [{ field, got, want, fix: set(field, "<name>") }];
});

const storage = where(({ storage: got }) => {
  if (got !== undefined) return [];
  const field = "gardenos:supabase.storage";
  const want = "an S3 endpoint and a bucket: files on a node's disk would be lost with it";
  return [{ field, got, want, fix: set(`${field}.endpoint`, "<address>, and the same for bucket") }];
});

const privateStorage = where(({ storage: place }, { environment }) => {
  if (environment !== "prod" || !place || place.endpoint.startsWith("https:")) return [];
  const field = "gardenos:supabase.storage.endpoint";
  const want = "an https address in prod: everybody's files pass there";
  return [{ field, got: place.endpoint, want, fix: set(field, "https://<address>") }];
});

const signingKeys = where(({ keys: { signing: got, accepted } }) => {
  if (accepted.includes(got)) return [];
  const field = "gardenos:supabase.keys.signing";
  const want = `one of the accepted keys: ${accepted.join(", ")}. New ones are accepted first, by a run of their own`;
  return [
    {
      field,
      got,
      want,
      fix: `write accepted: [${[...accepted, got].join(", ")}], and sign by ${accepted[0]} until the next run`,
    },
  ];
});

const seconds = (time: string | number): number => Math.floor(new Date(time).getTime() / 1000);

/** Tokens tell times in whole seconds. */
const lifetime = where(({ keys: { issuedAt, expiresAt: got } }, _, { now }) => {
  const field = "gardenos:supabase.keys.expiresAt";
  const [begin, end, today] = [issuedAt, got, now].map(seconds) as [number, number, number];
  const later = new Date(Math.max(begin, today) * 1000);
  later.setUTCFullYear(later.getUTCFullYear() + 5);
  const fix = set(field, later.toISOString().slice(0, 10));
  if (end <= begin) return [{ field, got, want: `a time after issuedAt (${issuedAt})`, fix }];
  if (end > today) return [];
  const want = "a time to come: the API keys have ended";
  return [
    {
      field,
      got,
      want,
      fix: `${fix}, then replace the keys: npm run -s ops -- --stack <stack> supabase rotate`,
    },
  ];
});

/** Where a service runs that does not run here; undefined: it does. */
function runsWhere(service: string, { profile, functions }: Supabase): string | undefined {
  if (profile === "core" && !servicesOf({ profile, functions }).some((each) => each === service))
    return "runs in the profile full only";
  return service === "functions" && functions === undefined
    ? "runs where there is a folder of functions"
    : undefined;
}

/** What is set for a service that does not run. */
const withoutEffect = where((supabase) => {
  const { profile, replicas, functions, studio } = supabase;
  const ofProfile = [
    ...(functions === undefined ? [] : [{ key: "functions", service: "functions", got: functions }]),
    ...(studio.host === undefined ? [] : [{ key: "studio.host", service: "studio", got: studio.host }]),
  ];
  const ofService = Object.entries(replicas).map(([service, got]) => ({
    key: `replicas.${service}`,
    service,
    got,
  }));
  return [...(profile === "core" ? ofProfile : []), ...ofService].flatMap(({ key, service, got }) => {
    const reason = runsWhere(service, supabase);
    if (reason === undefined) return [];
    const field = `gardenos:supabase.${key}`;
    const want = `no such setting: it has no effect, ${service} ${reason}`;
    return [{ field, got, want, fix: `pulumi config rm --path '${field}', or make ${service} run` }];
  });
});

const hosts = where(({ host, studio }, { services }) => {
  const taken = new Map(
    Object.entries(services ?? {}).flatMap(([name, each]) => (each.host ? [[each.host, name]] : [])),
  );
  const mine = [
    ["gardenos:supabase.host", host],
    ["gardenos:supabase.studio.host", studio.host],
  ] as const;
  return mine.flatMap(([field, got]) => {
    const owner = got === undefined ? undefined : taken.get(got);
    if (got !== undefined) taken.set(got, field);
    if (owner === undefined) return [];
    return [{ field, got, want: `a name of its own: ${owner} has this one`, fix: set(field, "<name>") }];
  });
});

export const SUPABASE_CHECKS: readonly Check[] = [
  ...[database, storage, privateStorage, signingKeys, lifetime, withoutEffect, hosts],
];
