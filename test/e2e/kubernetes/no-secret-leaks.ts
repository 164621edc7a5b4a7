/** No secret of a run is anywhere that it could be read without the passphrase. The last tests of this lab: its settings stay broken. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { beforeAll, describe, expect, it } from "vitest";
import { nameOf } from "../../../lab/engine/urn.ts";
import { plainProperties } from "../../../lab/engine/wire.ts";
import { sha256 } from "../../../lib/sha256.ts";
import { onAll } from "../support/nodes.ts";
import { keySecret, leaks, type Secret, secretsOf, textSecret } from "../support/secrets.ts";
import { recordsOf } from "../support/state.ts";
import { firstUp, initial, lab } from "./stack.ts";

initial.watchProcesses = true;

const file = (path: string): string => readFileSync(join(lab.dir, ".lab", path), "utf8");

let secrets: readonly Secret[];

/** Drawn like a secret, and meant for pages and apps. */
const isPublic = (name: string): boolean => /^supabase-keys-\w+-publishable-key\b/.test(name);

describe("the search", () => {
  // Here and not above, where it would run before the tests of other files that make new ones.
  beforeAll(() => {
    secrets = [
      ...secretsOf(recordsOf(lab)).filter(({ name }) => !isPublic(name)),
      textSecret("API token", file("token").trim()),
      textSecret("passphrase", file("passphrase").trim()),
      keySecret("administrator's key", file("ssh/id_ed25519")),
    ];
  });

  it("knows every secret of the run", () => {
    const known = new Set(secrets.map(({ name }) => name.split(".")[0]));
    const makers = recordsOf(lab).filter(({ type }) => /PrivateKey|RandomPassword/.test(type));
    expect(makers.length).toBeGreaterThan(15);
    const names = makers.map(({ urn }) => nameOf(urn)).filter((name) => !isPublic(name));
    expect(names.filter((name) => !known.has(name))).toEqual([]);
  });

  it("finds a secret where one is", () => {
    const open = recordsOf(lab).map(({ inputs, outputs }) => [inputs, outputs].map(plainProperties));
    const elsewhere = ["passphrase", "administrator's key"];
    const all = new Set(secrets.map(({ name }) => name).filter((name) => !elsewhere.includes(name)));
    expect(new Set(leaks(secrets, JSON.stringify(open)))).toEqual(all);
    const payload = recordsOf(lab).find(({ urn }) => urn.endsWith("::etcd-n1-files"))?.inputs["stdin"];
    expect(leaks(secrets, JSON.stringify(payload))).toContain("etcd-client-root-key.privateKeyPem");
    expect(leaks(secrets, file("cloud.json"))).toContain("n1-bootstrap-host-key.privateKeyOpenssh");
  });
});

describe("no secret is", () => {
  const settings = { quota: ["gardenos:etcd", "quota"], manifest: ["gardenos:artifacts", "manifest"] };

  it("in the command line of any process during the first run, on this machine or on a node", () => {
    for (const sign of ["nspawn", "ssh\0", "/apply", "apt-get", "etcdctl", "ssh-keygen", "patroni", "psql"])
      expect(firstUp.commandLines.filter((line) => line.includes(sign)).length, sign).toBeGreaterThan(0);
    expect(leaks(secrets, firstUp.commandLines.join("\n"))).toEqual([]);
  });

  it("on the screen of up, preview and status", async () => {
    lab.configure(settings.quota, "1Gi");
    let screen = firstUp.screen;
    const commands = [["preview"], ["preview", "--json"], ["status"], ["status", "--json"]];
    for (const command of commands) screen += (await lab.lab(...command)).all;
    expect(screen).toContain("[secret] → [secret]");
    expect(leaks(secrets, screen)).toEqual([]);
  });

  it("in an error", async () => {
    const manifest = JSON.parse(file("artifacts/manifest.json"));
    const wrong = { ...manifest, etcd: { ...manifest.etcd, sha256: sha256("another") } };
    writeFileSync(join(lab.dir, "tampered.json"), JSON.stringify(wrong));
    lab.configure(settings.manifest, "tampered.json");
    const { code, all } = await lab.up();
    expect(code, all).toBe(1);
    expect(leaks(secrets, all)).toEqual([]);
  });

  it("in a log", async () => {
    const consoles = readdirSync(join(lab.dir, ".lab/machines")).map((id) =>
      file(`machines/${id}/console.log`),
    );
    const journals = Object.values(
      await onAll(lab, "journalctl --no-pager -o cat; cat /var/log/cloud-init*.log"),
    );
    // Logs that are empty would prove nothing.
    for (const text of [...consoles, ...journals]) expect(text.length, text).toBeGreaterThan(500);
    expect(leaks(secrets, [file("daemon.log"), ...consoles, ...journals].join("\n"))).toEqual([]);
  });

  it("in the log of a pod", async () => {
    const read = (namespace: string, pods: string) =>
      lab.must("kubectl", "-n", namespace, "logs", "-l", pods, "--all-containers", "--tail=-1");
    const logs = ["postgres", "postgres-lb", "pgbouncer"].map((name) =>
      read("postgres-cluster", `app.kubernetes.io/name=${name}`),
    );
    const text = (await Promise.all(logs)).join("\n");
    expect(text).toContain("the leader with the lock");
    expect(leaks(secrets, text)).toEqual([]);
  });

  it("in a bundle of debug", async () => {
    const bundle = join(lab.dir, "debug.tar.gz");
    await lab.must("debug", "--output", bundle);
    const text = gunzipSync(readFileSync(bundle)).toString();
    expect(text).toContain("postgres/config.json");
    expect(leaks(secrets, text)).toEqual([]);
  });

  it("readable in the state", () => {
    expect(leaks(secrets, file("state.json"))).toEqual([]);
  });
});
