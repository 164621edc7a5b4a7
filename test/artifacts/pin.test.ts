import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseManifest } from "../../plan/artifacts.ts";
import { VERSIONS } from "../../plan/versions.ts";

const ROOT = join(import.meta.dirname, "../..");
const TARBALL = "etcd-v3.6.16-linux-amd64.tar.gz";
const SUM = "a".repeat(64);
const OTHER_SUM = "b".repeat(64);

let dir: string;
let file: string;
let server: Server;
let releases: string;
/** What the release server answers: a status and a text. */
let answer: readonly [number, string];
let asked: string[];

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "artifacts-pin-"));
  file = join(dir, "upstream.json");
  answer = [200, `${OTHER_SUM}  etcd-v3.6.16-linux-arm64.tar.gz\n${SUM}  ${TARBALL}\n`];
  asked = [];
  server = createServer((request, response) => {
    asked.push(request.url ?? "");
    response.writeHead(answer[0]).end(answer[1]);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  releases = `http://127.0.0.1:${(server.address() as AddressInfo).port}/download/v3.6.16`;
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
  rmSync(dir, { recursive: true });
});

function write(entry: Readonly<Record<string, unknown>> = {}): void {
  const etcd = { version: "3.6.16", url: `${releases}/${TARBALL}`, sha256: null, ...entry };
  writeFileSync(file, JSON.stringify({ etcd }));
}

function pin(): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [join(ROOT, "artifacts/pin.ts"), file], (error, stdout, stderr) => {
      resolve({ code: Number(error?.code ?? 0), stdout, stderr });
    });
  });
}

const pinned = () => JSON.parse(readFileSync(file, "utf8")).etcd.sha256;

describe("node artifacts/pin.ts", () => {
  it("writes the checksum of exactly the named file, and the program accepts the manifest", async () => {
    write();
    expect(await pin()).toEqual({
      code: 0,
      stdout: `etcd 3.6.16: ${SUM}\nwrote ${file}: review and commit it\n`,
      stderr: "",
    });
    expect(asked).toEqual(["/download/v3.6.16/SHA256SUMS"]);
    const parsed = parseManifest(file, readFileSync(file, "utf8"));
    expect(parsed.problems).toEqual([]);
    expect(parsed.manifest?.etcd.sha256).toBe(SUM);
  });

  it("confirms a checksum that is pinned already", async () => {
    write({ sha256: SUM });
    const { code, stdout } = await pin();
    expect(code).toBe(0);
    expect(stdout).toContain(`etcd 3.6.16: ${SUM} (as pinned)`);
  });

  it("refuses a checksum that changed under a version", async () => {
    write({ sha256: OTHER_SUM });
    const { code, stderr } = await pin();
    expect(code).toBe(1);
    expect(stderr).toBe(
      `etcd: upstream now states ${SUM} for version 3.6.16, but ${OTHER_SUM} is pinned. ` +
        "A release's files never change: find out why before you set sha256 to null and pin again.\n",
    );
    expect(pinned()).toBe(OTHER_SUM);
  });

  it.each([
    ["no checksum", `${SUM}  something-else.tar.gz\n`],
    ["no checksum", "<html>a login page</html>"],
    ["more than one checksum", `${SUM}  ${TARBALL}\n${OTHER_SUM}  ${TARBALL}\n`],
  ])("stops at %s in %j", async (got, sums) => {
    write();
    answer = [200, sums];
    const { code, stderr } = await pin();
    expect(code).toBe(1);
    expect(stderr).toBe(`etcd: ${releases}/SHA256SUMS states ${got} for ${TARBALL}; check version and url\n`);
    expect(pinned()).toBeNull();
  });

  it("passes on what the server answers", async () => {
    write();
    answer = [404, "not found"];
    const { code, stderr } = await pin();
    expect(code).toBe(1);
    expect(stderr).toBe(`etcd: ${releases}/SHA256SUMS can't be downloaded: HTTP 404; try again later\n`);
  });

  it("takes no checksum over plain HTTP", async () => {
    write({ url: `http://releases.test/${TARBALL}` });
    const { code, stderr } = await pin();
    expect(code).toBe(1);
    expect(stderr).toBe(
      "etcd: http://releases.test/SHA256SUMS is not https; checksums are only taken over https\n",
    );
    expect(asked).toEqual([]);
  });

  it("notices a version that doesn't belong to the url", async () => {
    write({ version: "3.6.17" });
    const { code, stderr } = await pin();
    expect(code).toBe(1);
    expect(stderr).toBe(`etcd: version is 3.6.17, but the url names ${TARBALL}; make them agree\n`);
  });

  it("says that a file is missing or no manifest", async () => {
    expect((await pin()).stderr).toBe(
      `${file} can't be read; name a manifest such as artifacts/upstream.json\n`,
    );
    writeFileSync(file, "{");
    expect((await pin()).stderr).toBe(`${file} is no manifest: it is not JSON\n`);
    write({ sha256: "abc" });
    expect((await pin()).stderr).toBe(
      `${file} is no manifest:\n✖ 64 lower-case hex digits, or null\n  → at etcd.sha256\n`,
    );
  });
});

describe("artifacts/upstream.json", () => {
  const upstream = readFileSync(join(ROOT, "artifacts/upstream.json"), "utf8");

  it("is a manifest; at most a pin is missing", () => {
    const { problems } = parseManifest("artifacts/upstream.json", upstream);
    expect(problems.filter((problem) => !problem.field.endsWith(".sha256"))).toEqual([]);
  });

  it("and the lab's go.mod name the pinned version of etcd", () => {
    expect(JSON.parse(upstream).etcd.version).toBe(VERSIONS.etcd);
    const mod = readFileSync(join(ROOT, "lab/artifacts/go/etcd/go.mod"), "utf8");
    const versions = [...mod.matchAll(/go\.etcd\.io\/etcd\/\S+ v(\S+)/g)].map((match) => match[1]);
    expect(new Set(versions)).toEqual(new Set([VERSIONS.etcd]));
  });
});
