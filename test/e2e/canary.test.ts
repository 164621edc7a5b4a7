/** No secret of a run is anywhere that it could be read without the passphrase. */
import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nameOf } from "../../lab/engine/urn.ts";
import { plainProperties } from "../../lab/engine/wire.ts";
import { sha256 } from "../../lib/sha256.ts";
import { Checkout, finished } from "./support/checkout.ts";
import { onAll } from "./support/nodes.ts";
import { keySecret, leaks, type Secret, secretsOf, textSecret } from "./support/secrets.ts";
import { recordsOf } from "./support/state.ts";

let lab: Checkout;
let secrets: readonly Secret[];
let commandLines: readonly string[];
/** What `make up` showed from first to last. */
let screen: string;

const file = (path: string): string => readFileSync(join(lab.dir, ".lab", path), "utf8");

function watchProcesses(): ChildProcess {
  const program = join(import.meta.dirname, "support/process-watch.ts");
  return spawn(process.execPath, [program], { stdio: ["pipe", "pipe", "inherit"] });
}

beforeAll(async () => {
  lab = new Checkout();
  const watch = watchProcesses();
  const watched = finished(watch);
  const outcome = await lab.lab("up");
  watch.stdin?.end();
  commandLines = JSON.parse((await watched).stdout);
  screen = outcome.all;
  expect(outcome.code, outcome.all).toBe(0);
  secrets = [
    ...secretsOf(recordsOf(lab)),
    textSecret("API token", file("token").trim()),
    textSecret("passphrase", file("passphrase").trim()),
    keySecret("administrator's key", file("ssh/id_ed25519")),
  ];
});
afterAll(() => lab.dispose());

describe("the search", () => {
  it("knows every secret of the run", () => {
    const known = new Set(secrets.map(({ name }) => name.split(".")[0]));
    const makers = recordsOf(lab).filter(({ type }) => /PrivateKey|RandomPassword/.test(type));
    expect(makers.length).toBeGreaterThan(15);
    expect(makers.map(({ urn }) => nameOf(urn)).filter((name) => !known.has(name))).toEqual([]);
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
  it("in the command line of any process during the first run, on this machine or on a node", () => {
    for (const sign of ["nspawn", "ssh\0", "/apply", "apt-get", "etcdctl", "ssh-keygen"])
      expect(commandLines.filter((line) => line.includes(sign)).length, sign).toBeGreaterThan(0);
    expect(leaks(secrets, commandLines.join("\n"))).toEqual([]);
  });

  it("on the screen of up, preview and status", async () => {
    lab.configure(["gardenos:etcd", "quota"], "1Gi");
    const commands = [["preview"], ["preview", "--json"], ["status"], ["status", "--json"]];
    for (const command of commands) screen += (await lab.lab(...command)).all;
    expect(screen).toContain("[secret] → [secret]");
    expect(leaks(secrets, screen)).toEqual([]);
  });

  it("in an error", async () => {
    const manifest = JSON.parse(file("artifacts/manifest.json"));
    const wrong = { ...manifest, etcd: { ...manifest.etcd, sha256: sha256("another") } };
    writeFileSync(join(lab.dir, "tampered.json"), JSON.stringify(wrong));
    lab.configure(["gardenos:artifacts"], { manifest: "tampered.json" });
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

  it("readable in the state", () => {
    expect(leaks(secrets, file("state.json"))).toEqual([]);
  });
});
