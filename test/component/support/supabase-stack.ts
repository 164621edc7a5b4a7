/** A Supabase stack under mocks, with all that is configurable. */
import * as pulumi from "@pulumi/pulumi";
import { SupabaseStack } from "../../../components/supabase-stack/index.ts";
import { planSupabase, type SupabaseService, servicesOf } from "../../../plan/supabase.ts";
import { type Recorded, type Recording, record } from "../../support/record.ts";
import { GOOD, settingsOf } from "../../support/settings.ts";
import { clusterProvider, gate } from "../../support/world.ts";

export const ALL = servicesOf({ profile: "full", functions: "functions" });
export const CODE = { "main/index.ts": "// main", "hello/index.ts": "// hello" };
export const FULL = { profile: "full", functions: "functions" };
const STORAGE = { endpoint: "https://s3.example.org", bucket: "files" };
export const SECRETS = {
  s3AccessKeyId: "CANARY-s3-id",
  s3SecretAccessKey: "CANARY-s3-key",
  smtpPassword: "CANARY-smtp",
  oauth: { github: "CANARY-github" },
};

export const make = (supabase: object = {}, secrets: object = SECRETS, code = CODE) => {
  const plan = planSupabase(
    settingsOf({
      ...GOOD,
      domain: "example.org",
      supabase: { profile: "core", storage: STORAGE, ...supabase },
    }),
  );
  const images = Object.fromEntries(ALL.map((name) => [name, `registry.example/${name}:1`]));
  return record(() => {
    new SupabaseStack(
      "supabase",
      {
        plan,
        functions: code,
        images: images as Record<SupabaseService, string>,
        postgresImage: "registry.example/postgres:1",
        database: {
          ...{ host: "postgres-primary.postgres-cluster", port: 5432, name: "app", owner: "app_owner" },
          caPem: pulumi.output("CA"),
          runSql: (name) => gate(name),
        },
        secrets: pulumi.secret(secrets),
        ingress: { className: "traefik", tlsSecret: "ingress-tls" },
        privateCidrs: ["10.0.0.0/16"],
        after: [gate()],
      },
      { providers: [clusterProvider()] },
    );
  });
};

const kindOf = ({ type }: Recorded) => type.split(":").at(-1) ?? "";
export const named = ({ resources }: Recording, kind: string, name: string) => {
  const found = resources.find((each) => kindOf(each) === kind && each.name === `supabase/${name}`);
  if (!found) throw new Error(`no ${kind} ${name}`);
  return found;
};
export const listed = (recording: Recording, kind: string) =>
  recording.resources
    .filter((each) => kindOf(each) === kind)
    .map(({ name }) => name.replace("supabase/", ""));
