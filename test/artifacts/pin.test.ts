import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readRepositoryFile } from "../../lib/repository-file.ts";
import { parseManifest } from "../../plan/artifacts.ts";
import { VERSIONS } from "../../plan/versions.ts";

const ROOT = join(import.meta.dirname, "../..");
const TARBALL = "etcd-v3.6.16-linux-amd64.tar.gz";
const SUM = "a".repeat(64);
const OTHER_SUM = "b".repeat(64);
const K3S_SUM = "c".repeat(64);
const DIGEST = `sha256:${"d".repeat(64)}`;
const OTHER_DIGEST = `sha256:${"e".repeat(64)}`;
const INDEX = "application/vnd.oci.image.index.v1+json";
const TOKEN = "anonymous-token";
const IMAGES = Object.keys(JSON.parse(readRepositoryFile("artifacts/upstream.json")).images);

let dir: string;
let file: string;
let server: Server;
let address: string;
let releases: string;
/** What the release server answers for etcd's sums: a status and a text. */
let answer: readonly [number, string];
/** What the registry answers to who has the token; without `type` it has no such image. */
let image: { type?: string; digest: string };
/** How the registry greets who has none. */
let challenge: string;
let asked: string[];

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "artifacts-pin-"));
  file = join(dir, "upstream.json");
  answer = [200, `${OTHER_SUM}  etcd-v3.6.16-linux-arm64.tar.gz\n${SUM}  ${TARBALL}\n`];
  asked = [];
  image = { type: INDEX, digest: DIGEST };
  server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    const { pathname } = new URL(request.url ?? "", "http://any");
    if (pathname.startsWith("/v2/")) {
      if (request.headers.authorization !== `Bearer ${TOKEN}`) {
        response.writeHead(401, { "www-authenticate": challenge }).end();
      } else if (image.type === undefined || !request.headers.accept?.includes(image.type)) {
        response.writeHead(404).end();
      } else {
        response.writeHead(200, { "content-type": image.type, "docker-content-digest": image.digest }).end();
      }
    } else if (pathname === "/token") response.end(JSON.stringify({ token: TOKEN }));
    else if (pathname.endsWith("/sha256sum-amd64.txt")) {
      response.end(`${OTHER_SUM}  k3s-airgap-images-amd64.tar\n${K3S_SUM}  k3s\n`);
    } else response.writeHead(answer[0]).end(answer[1]);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  releases = `http://${address}/download/v3.6.16`;
  challenge = `Bearer realm="http://${address}/token",service="registry",scope="repository:library/any:pull"`;
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
  rmSync(dir, { recursive: true });
});

const tagged = (name: string): string => `${address}/library/${name.toLowerCase()}:v1`;

function write(
  changes: {
    readonly etcd?: Readonly<Record<string, unknown>>;
    readonly k3s?: Readonly<Record<string, unknown>>;
    readonly images?: Readonly<Record<string, unknown>>;
  } = {},
): void {
  const etcd = { version: "3.6.16", url: `${releases}/${TARBALL}`, sha256: null, ...changes.etcd };
  const k3s = {
    version: "v1.36.5+k3s1",
    url: `http://${address}/download/v1.36.5%2Bk3s1/k3s`,
    sha256: null,
    ...changes.k3s,
  };
  const images = Object.fromEntries(IMAGES.map((name) => [name, tagged(name)]));
  writeFileSync(
    file,
    JSON.stringify({ etcd, k3s, k3sImages: null, images: { ...images, ...changes.images } }),
  );
}

function pin(): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [join(ROOT, "artifacts/pin.ts"), file], (error, stdout, stderr) => {
      resolve({ code: Number(error?.code ?? 0), stdout, stderr });
    });
  });
}

/** Pinning fails with this text, and the file stays as it was. */
async function expectRefusal(text: string): Promise<void> {
  const before = readFileSync(file, "utf8");
  expect(await pin()).toEqual({ code: 1, stdout: "", stderr: text });
  expect(readFileSync(file, "utf8")).toBe(before);
}

describe("node artifacts/pin.ts", () => {
  it("writes the checksums of exactly the named files and the images' digests, and the program accepts them", async () => {
    write();
    expect(await pin()).toEqual({
      code: 0,
      stdout: [
        `etcd 3.6.16: ${SUM}`,
        `k3s v1.36.5+k3s1: ${K3S_SUM}`,
        ...IMAGES.map((name) => `${name} ${tagged(name)}: ${DIGEST}`),
        `wrote ${file}: review and commit it\n`,
      ].join("\n"),
      stderr: "",
    });
    // The program's manifest knows no registry with a port.
    const text = readFileSync(file, "utf8").replaceAll(address, "registry.test");
    const { problems, manifest } = parseManifest(file, text);
    expect(problems).toEqual([]);
    expect(manifest?.etcd.sha256).toBe(SUM);
    expect(manifest?.images.traefik).toBe(`registry.test/library/traefik:v1@${DIGEST}`);
  });

  it("asks for indexes of images, with a token for nobody in particular", async () => {
    write();
    await pin();
    expect(asked.slice(0, 5)).toEqual([
      "GET /download/v3.6.16/SHA256SUMS",
      "GET /download/v1.36.5%2Bk3s1/sha256sum-amd64.txt",
      "HEAD /v2/library/traefik/manifests/v1",
      "GET /token?service=registry&scope=repository%3Alibrary%2Fany%3Apull",
      "HEAD /v2/library/traefik/manifests/v1",
    ]);
  });

  it("confirms what is pinned already", async () => {
    write({ etcd: { sha256: SUM }, images: { busybox: `${tagged("busybox")}@${DIGEST}` } });
    const { code, stdout } = await pin();
    expect(code).toBe(0);
    expect(stdout).toContain(`etcd 3.6.16: ${SUM} (as pinned)`);
    expect(stdout).toContain(`busybox ${tagged("busybox")}: ${DIGEST} (as pinned)`);
  });

  it("notices a version that doesn't belong to the url", async () => {
    write({ etcd: { version: "3.6.17" } });
    await expectRefusal(`etcd: version is 3.6.17, but the url is ${releases}/${TARBALL}; make them agree\n`);
  });

  it("says that a file is missing or no manifest", async () => {
    expect((await pin()).stderr).toBe(
      `${file} can't be read; name a manifest such as artifacts/upstream.json\n`,
    );
    writeFileSync(file, "{");
    expect((await pin()).stderr).toBe(`${file} is no manifest: it is not JSON\n`);
    write({ etcd: { sha256: "abc" }, images: { busybox: "busybox" } });
    expect((await pin()).stderr).toBe(
      `${file} is no manifest:\n✖ 64 lower-case hex digits, or null\n  → at etcd.sha256\n` +
        "✖ host/name:tag, with or without @sha256:…\n  → at images.busybox\n",
    );
  });
});

describe("a release's checksum", () => {
  it("that changed under a version is refused", async () => {
    write({ etcd: { sha256: OTHER_SUM } });
    await expectRefusal(
      `etcd: upstream now states ${SUM} for version 3.6.16, but ${OTHER_SUM} is pinned. ` +
        "A release's files never change: find out why before you set sha256 to null and pin again.\n",
    );
  });

  it.each([
    ["no checksum", `${SUM}  something-else.tar.gz\n`],
    ["no checksum", "<html>a login page</html>"],
    ["more than one checksum", `${SUM}  ${TARBALL}\n${OTHER_SUM}  ${TARBALL}\n`],
  ])("stops at %s in %j", async (got, sums) => {
    write();
    answer = [200, sums];
    await expectRefusal(`etcd: ${releases}/SHA256SUMS states ${got} for ${TARBALL}; check version and url\n`);
  });

  it("that can't be had is told with what the server answers", async () => {
    write();
    answer = [404, "not found"];
    await expectRefusal(`etcd: ${releases}/SHA256SUMS can't be downloaded: HTTP 404; try again later\n`);
  });

  it("is not taken over plain HTTP", async () => {
    write({ etcd: { url: `http://releases.test/${TARBALL.replace("v", "v3.6.16/v")}` } });
    const { stderr } = await pin();
    expect(stderr).toMatch(
      /^etcd: http:\/\/releases\.test\/\S+ is not https; checksums are only taken over https\n$/,
    );
    expect(asked).toEqual([]);
  });
});

describe("an image's digest", () => {
  const url = () => `http://${address}/v2/library/traefik/manifests/v1`;

  it("that changed under a tag is refused, and nothing else is pinned", async () => {
    write({ images: { busybox: `${tagged("busybox")}@${OTHER_DIGEST}` } });
    await expectRefusal(
      `busybox: ${tagged("busybox")} is ${DIGEST} now, but ${OTHER_DIGEST} is pinned. Somebody moved the tag: ` +
        "find out why before you remove the digest and pin again, or choose another tag.\n",
    );
  });

  it.each<[string, { type?: string; digest: string }, string]>([
    ["no image", { digest: DIGEST }, "can't be downloaded: HTTP 404; try again later"],
    ["no digest", { type: INDEX, digest: "" }, 'states no digest, got ""; try again later'],
  ])("stops at %s", async (_what, answers, text) => {
    write();
    image = answers;
    await expectRefusal(`traefik: ${url()} ${text}\n`);
  });

  it.each([
    ['Basic realm="private"', 'wants a login: Basic realm="private"'],
    ["", "wants a login: it does not say how"],
  ])("of a registry that greets with %j is not had", async (greeting, text) => {
    write();
    challenge = greeting;
    await expectRefusal(`traefik: ${url()} ${text}\n`);
  });
});

describe("artifacts/upstream.json", () => {
  const upstream = readFileSync(join(ROOT, "artifacts/upstream.json"), "utf8");

  it("is a manifest; at most pins are missing", () => {
    const { problems } = parseManifest("artifacts/upstream.json", upstream);
    expect(problems.filter(({ fix }) => !fix.startsWith("npm run pin"))).toEqual([]);
  });

  it("and the lab's go.mod name the pinned version of etcd", () => {
    expect(JSON.parse(upstream).etcd.version).toBe(VERSIONS.etcd);
    const mod = readFileSync(join(ROOT, "lab/artifacts/go/etcd/go.mod"), "utf8");
    const versions = [...mod.matchAll(/go\.etcd\.io\/etcd\/\S+ v(\S+)/g)].map((match) => match[1]);
    expect(new Set(versions)).toEqual(new Set([VERSIONS.etcd]));
  });
});
