/** The program: settings → plan → layers → exports. Nothing is decided here; layers/ wires the components. */
import * as pulumi from "@pulumi/pulumi";
import { load } from "./config/load.ts";
import { toExports } from "./exports.ts";
import { createApps, createCertificates } from "./layers/apps.ts";
import { createPostgres } from "./layers/full.ts";
import { createHosts } from "./layers/hosts.ts";
import { createKubernetes } from "./layers/kubernetes.ts";
import { createSupabase } from "./layers/supabase.ts";

const {
  plan,
  postgresPasswords: passwords,
  aiApiKey,
  registries,
  supabaseSecrets,
  functions,
  memory,
  warnings,
  ...access
} = load();
for (const warning of warnings) pulumi.log.warn(warning);
if (memory && pulumi.runtime.isDryRun()) pulumi.log.info(memory);

const hosts = createHosts({ plan, ...access });
const cluster = plan.profile === "hosts" ? undefined : createKubernetes(plan, hosts);
const database =
  cluster && createPostgres({ plan, hosts, kubernetes: cluster, ...(passwords && { passwords }) });

const certificates = cluster && database && createCertificates(plan, cluster);
const above = cluster && database && { plan, kubernetes: cluster, postgres: database, certificates };
const apps =
  above && createApps({ ...above, ...(aiApiKey && { aiApiKey }), ...(registries && { registries }) });
const supabaseStack =
  above && createSupabase({ ...above, functions, ...(supabaseSecrets && { secrets: supabaseSecrets }) });

export const {
  contract,
  project,
  stack,
  nodes,
  etcd,
  kubernetes,
  entry,
  haproxy,
  postgres,
  services,
  supabase,
  versions,
} = toExports(plan, {
  ...{ nodes: hosts.nodes, etcd: hosts.etcd, kubernetes: cluster, postgres: database },
  ...{ apps, supabase: supabaseStack, certificates },
});
