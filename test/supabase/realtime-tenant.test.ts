/** Realtime's tenant, made by the program's script in Postgres' image: at the stand-in, on a real Postgres that lets nobody in without TLS. */
import { execFileSync } from "node:child_process";
import { chownSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Material, plainEnv, secretEnv } from "../../components/supabase-stack/env.ts";
import { renderSupabaseSql, SUPABASE_LOGINS } from "../../components/supabase-stack/sql.ts";
import { tenantEnv } from "../../components/supabase-stack/tenant.ts";
import { readRepositoryFile } from "../../lib/repository-file.ts";
import { scramVerifier } from "../../lib/scram.ts";
import { planSupabase } from "../../plan/supabase.ts";
import { eventually } from "../machines/support/eventually.ts";
import { SQL as CLUSTER_SQL, password } from "../postgres/support/cluster.ts";
import { ownFolder, SHARED } from "../support/image-trees.ts";
import { describeOnPostgres, type RealPostgres, startPostgres } from "../support/real-postgres.ts";
import { GOOD, settingsOf } from "../support/settings.ts";
import { KEYS } from "../support/supabase.ts";

/** Root directory of the stand-in's image. */
const TREE = process.env["GARDENOS_TEST_SUPABASE_STAND_IN"] ?? "";
const SCRIPT = readRepositoryFile("files/supabase/tenant.py");
const DATABASE = { host: "postgres-primary", port: 5432, name: "app" };
const MATERIAL: Material = {
  keys: { ...KEYS, jwks: '{"keys":[]}' },
  passwords: Object.fromEntries(SUPABASE_LOGINS.map((role) => [role, password(role)])),
  databaseCa: "",
  drawn: {
    ...{ realtimeEncryption: "e".repeat(16), realtimeApi: "a".repeat(48), secretKeyBase: "b".repeat(64) },
    ...{ releaseCookie: "c".repeat(32), metaCrypto: "", studioPassword: "" },
  },
  oauth: {},
};
const TENANT = tenantEnv(MATERIAL, DATABASE);

let postgres: RealPostgres;

/** Turns on TLS, by a certificate that is its own authority. */
function certify(): void {
  const folder = ownFolder(postgres.trees, "tls");
  const { uid, gid } = statSync(folder);
  const how = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
  const names = ["-subj", "/CN=member", "-addext", "subjectAltName=DNS:postgres-primary"];
  execFileSync("openssl", ["req", ...how, ...names, "-out", "member.crt", "-keyout", "member.key"], {
    ...{ cwd: folder, stdio: "pipe" },
  });
  chownSync(join(folder, "member.key"), uid, gid);
  const at = `${SHARED}/tls/member`;
  postgres.configure(`ssl = on\nssl_cert_file = '${at}.crt'\nssl_key_file = '${at}.key'\n`);
}

function startRealtime(): void {
  const supabase = { profile: "core", storage: { endpoint: "https://s3.example.org", bucket: "files" } };
  const plan = planSupabase(settingsOf({ ...GOOD, domain: "example.org", supabase }));
  const env = {
    ...plainEnv("realtime", { plan, database: DATABASE }),
    ...secretEnv("realtime", MATERIAL, DATABASE),
    ...{ STAND_IN_FOR: "realtime", POD_IP: "127.0.0.1", DB_SSL_CA_CERT: `${SHARED}/tls/member.crt` },
  };
  postgres.trees.start(TREE, ["sh", "-c", "cd /app && exec python3 -B -m stand_in"], env);
}

/** What the script says. @throws Error with its complaint */
const makeTenant = (changes: Readonly<Record<string, string>> = {}, seconds = 0) =>
  postgres.trees.run(postgres.tree, ["python3", "-IBc", SCRIPT], {
    env: {
      ...{ REALTIME_URL: "http://127.0.0.1:4000", TENANT_NAME: "realtime-dev", TRY_SECONDS: String(seconds) },
      ...{ ...TENANT, ...changes },
    },
  });

/** The tenant with other settings of its database. */
function withSettings(changes: object): { readonly TENANT: string } {
  const tenant = JSON.parse(TENANT["TENANT"] ?? "");
  Object.assign(tenant.extensions[0].settings, changes);
  return { TENANT: JSON.stringify(tenant) };
}

describeOnPostgres("Realtime's tenant", () => {
  beforeAll(async () => {
    postgres = await startPostgres([TREE]);
    certify();
    postgres.configure("output_plugin_libraries = 'pgoutput,wal2json'\n");
    postgres.sql(CLUSTER_SQL);
    const salt = Buffer.from("0123456789abcdef").toString("base64");
    const verifiers = Object.fromEntries(
      SUPABASE_LOGINS.map((role) => [role, scramVerifier(password(role), salt)]),
    );
    postgres.sql(renderSupabaseSql({ database: "app", owner: "app_owner", verifiers }));
    startRealtime();
    await eventually(() => void makeTenant());
  }, 60_000);
  afterAll(() => postgres?.stop());

  it("can be made again", () => {
    expect(makeTenant()).toBe("the tenant realtime-dev is as wanted\n");
  });

  it("is refused as upstream's seed makes it: Postgres lets nobody in without TLS", () => {
    expect(() => makeTenant(withSettings({ ssl_enforced: false }))).toThrow(/401: .*no encryption/);
  });

  it("is refused with a password of before", () => {
    expect(() => makeTenant(withSettings({ db_password: "old" }))).toThrow(
      /401: .*password authentication failed/,
    );
  });

  it("is refused with settings that Realtime does not take", () => {
    expect(() => makeTenant(withSettings({ db_port: 5432 }))).toThrow(/422: .*db_port is invalid/);
  });

  it("is refused in a region that no pod is in", () => {
    expect(() => makeTenant(withSettings({ region: "eu-west-2" }))).toThrow(
      /422: .*region.*is not that of the pods/,
    );
  });

  it("is refused from whoever has another secret, such as the legacy keys'", () => {
    expect(() => makeTenant({ API_JWT_SECRET: KEYS.jwtSecret })).toThrow(/403: it does not take the token/);
  });
});
