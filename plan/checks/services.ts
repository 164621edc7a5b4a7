/** Checks of FastAPI services. */
import type { Settings } from "../../config/schema.ts";
import { LONGEST_NAME } from "../../config/values.ts";
import { HIDDEN, type Problem } from "../../lib/problem.ts";
import { hasAgents } from "../services.ts";
import { type Check, set } from "./check.ts";

type Service = Settings["services"][string];

/** A check of one service after the other. */
const each =
  (check: (service: Service, field: string, settings: Partial<Settings>) => readonly Problem[]): Check =>
  (settings) =>
    Object.entries(settings.services ?? {}).flatMap(([name, service]) =>
      check(service, `gardenos:services.${name}`, settings),
    );

/** True when any service has agents: then a key of the provider is needed. */
export const needsProvider = (services: Settings["services"] | undefined): boolean =>
  Object.values(services ?? {}).some(hasAgents);

const digest = each(({ image }, field, { environment }) => {
  if (environment !== "prod" || image.includes("@sha256:")) return [];
  const want = "an image by digest in prod (name:tag@sha256:…): a tag may be moved";
  return [
    { field: `${field}.image`, got: image, want, fix: set(`${field}.image`, "<image>@sha256:<digest>") },
  ];
});

/** Kubernetes, or JavaScript, has something of that name already. */
const TAKEN = ["default", "constructor"];

const ownNames: Check = ({ services }) =>
  Object.keys(services ?? {}).flatMap((name) => {
    const other = name.replace(/-migrate$/, "");
    const migrates = other !== name && services?.[other]?.migrate !== undefined;
    if (!TAKEN.includes(name) && !migrates) return [];
    const field = `gardenos:services.${name}`;
    const want = migrates
      ? `another name: ${name} is what the migration of ${other} is called`
      : "a name that is not one of the system's own";
    return [{ field, got: name, want, fix: "choose another name" }];
  });

const oneWayToScale = each(({ replicas, autoscale }, field) => {
  if (replicas === undefined || autoscale === undefined) return [];
  const want = "replicas or autoscale: each would undo what the other does";
  return [
    { field: `${field}.replicas`, got: replicas, want, fix: `pulumi config rm --path '${field}.replicas'` },
  ];
});

const bounds = each(({ autoscale }, field) => {
  if (!autoscale || autoscale.min <= autoscale.max) return [];
  const want = `at least autoscale.min = ${autoscale.min}`;
  return [
    {
      field: `${field}.autoscale.max`,
      got: autoscale.max,
      want,
      fix: set(`${field}.autoscale.max`, autoscale.min),
    },
  ];
});

const knownDatabase = each(({ database }, field, { postgres }) => {
  if (database === undefined || !postgres || Object.hasOwn(postgres.databases, database)) return [];
  const names = Object.keys(postgres.databases).join(", ") || "none";
  const want = `a database of postgres.databases: ${names}`;
  return [{ field: `${field}.database`, got: database, want, fix: set(`${field}.database`, "<name>") }];
});

const migratesSomething = each(({ database, migrate }, field) => {
  if (migrate === undefined || database !== undefined) return [];
  const want = "a database to migrate";
  return [{ field: `${field}.database`, got: undefined, want, fix: set(`${field}.database`, "<name>") }];
});

/** Two that migrate the same database would each undo what the other believes. */
const oneMigrator: Check = ({ services }) => {
  const seen = new Map<string, string>();
  return Object.entries(services ?? {}).flatMap(([name, { database, migrate }]) => {
    if (database === undefined || migrate === undefined) return [];
    const first = seen.get(database);
    seen.set(database, first ?? name);
    if (first === undefined) return [];
    const field = `gardenos:services.${name}.migrate`;
    const want = `one service that migrates ${database}: ${first} does`;
    return [{ field, got: migrate, want, fix: `pulumi config rm --path '${field}'` }];
  });
};

/** Host names below the domain: who is served by it, the field that says so, and the name. */
const servedHosts = ({ services, supabase }: Partial<Settings>) => [
  ...Object.entries(services ?? {}).flatMap(([name, { host }]) =>
    host === undefined ? [] : [{ who: name, field: `gardenos:services.${name}.host`, host }],
  ),
  ...(supabase === undefined || supabase.profile === "none" ? [] : supabaseHosts(supabase)),
];

const supabaseHosts = ({ profile, host, studio }: Settings["supabase"]) => [
  { who: "Supabase", field: "gardenos:supabase.host", host },
  ...(profile === "full" && studio.host !== undefined
    ? [{ who: "Studio", field: "gardenos:supabase.studio.host", host: studio.host }]
    : []),
];

const whoIsServed = (settings: Partial<Settings>): string =>
  servedHosts(settings)
    .map(({ who, host }) => `${who} (host ${host})`)
    .join(", ");

/** A broken domain is not there at all: the schema has said so. */
const domainOfHosts: Check = (settings) => {
  const names = whoIsServed(settings);
  if (!Object.hasOwn(settings, "domain") || settings.domain !== undefined || names === "") return [];
  const fix = "pulumi config set gardenos:domain apps.example.org";
  return [{ field: "gardenos:domain", got: undefined, want: `the domain of ${names}`, fix }];
};

const lengthOfHosts: Check = (settings) => {
  const { domain } = settings;
  if (domain === undefined) return [];
  return servedHosts(settings)
    .filter(({ host }) => `${host}.${domain}`.length > LONGEST_NAME)
    .map(({ field, host }) => ({
      field,
      got: host,
      want: `a name that has, with gardenos:domain, ${LONGEST_NAME} characters at most, not ${`${host}.${domain}`.length}`,
      fix: `${set(field, "<shorter name>")}, or use a shorter domain`,
    }));
};

const servedByIngress: Check = (settings) => {
  const names = whoIsServed(settings);
  if (settings.ingress?.class !== "none" || names === "") return [];
  const field = "gardenos:ingress.class";
  const want = `traefik: nothing else would serve ${names}`;
  const fix = `${set(field, "traefik")}, or leave out what has a host`;
  return [{ field, got: "none", want, fix }];
};

/** Only a service with a database has something to write to. */
const accessesSomething = each(({ database, access }, field) => {
  if (database !== undefined || access === "rw") return [];
  const want = "a database, which access is about";
  const fix = `${set(`${field}.database`, "<name>")}, or pulumi config rm --path '${field}.access'`;
  return [{ field: `${field}.database`, got: undefined, want, fix }];
});

const hostsOnce: Check = ({ services }) => {
  const seen = new Map<string, string>();
  return Object.entries(services ?? {}).flatMap(([name, { host }]) => {
    if (host === undefined) return [];
    const first = seen.get(host);
    seen.set(host, first ?? name);
    if (first === undefined) return [];
    const field = `gardenos:services.${name}.host`;
    return [
      { field, got: host, want: `a name of its own: ${first} has this one`, fix: set(field, "<name>") },
    ];
  });
};

/** Variables that the platform sets, and that one of the configuration would hide. */
const ownVariables = each(({ env, agents }, field) => {
  const taken = (name: string): boolean =>
    /^(DATABASE|OPENAI)_/.test(name) ||
    ["PORT", "WEB_CONCURRENCY"].includes(name) ||
    Object.keys(agents).some((kind) => name === `AGENTS_${kind.toUpperCase()}`);
  return Object.keys(env)
    .filter(taken)
    .map((name) => ({
      field: `${field}.env.${name}`,
      got: HIDDEN,
      want: "a variable that the platform does not set itself",
      fix: `pulumi config rm --path '${field}.env.${name}'`,
    }));
});

/** What agents send, and the provider's key, would pass in the clear. */
const privateAgents: Check = ({ services, ai, environment }) => {
  if (environment !== "prod" || !ai || !needsProvider(services)) return [];
  if (ai.baseUrl.startsWith("https:")) return [];
  const field = "gardenos:ai.baseUrl";
  const want = "an https address in prod: the provider's key is sent to it";
  return [{ field, got: ai.baseUrl, want, fix: set(field, "https://<address>") }];
};

/** The authority wants somebody to write to, and asks through the ingress. */
const acme: Check = ({ tls, ingress, profile }) => {
  if (tls?.mode !== "acme" || (profile !== undefined && profile !== "full")) return [];
  const email = {
    field: "gardenos:tls.email",
    got: undefined,
    want: "an address: tls.mode is acme, and the account at Let's Encrypt has a contact",
    fix: set("gardenos:tls.email", "ops@example.org"),
  };
  const controller = {
    field: "gardenos:ingress.class",
    got: ingress?.class,
    want: "traefik: tls.mode is acme, and the authority asks through it",
    fix: set("gardenos:tls.mode", "internal-ca"),
  };
  return [...(tls.email ? [] : [email]), ...(ingress?.class === "none" ? [controller] : [])];
};

export const SERVICE_CHECKS: readonly Check[] = [
  acme,
  ownNames,
  digest,
  oneWayToScale,
  bounds,
  knownDatabase,
  migratesSomething,
  oneMigrator,
  accessesSomething,
  domainOfHosts,
  lengthOfHosts,
  servedByIngress,
  hostsOnce,
  ownVariables,
  privateAgents,
];
