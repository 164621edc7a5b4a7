import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { fetchEtcd } from "../../lab/artifacts/upstream-etcd.ts";
import { sha256 } from "../../lib/sha256.ts";

const TARBALL = "a release";

let server: Server;
let cacheDir: string;
let downloads: number;

beforeEach(async () => {
  downloads = 0;
  cacheDir = mkdtempSync(join(tmpdir(), "gardenos-upstream-"));
  server = createServer((request, response) => {
    downloads += 1;
    response.writeHead(request.url?.includes("missing") ? 404 : 200).end(TARBALL);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
});
afterEach(() => {
  server.close();
  rmSync(cacheDir, { recursive: true });
});

const url = (file: string) => `http://127.0.0.1:${(server.address() as AddressInfo).port}/v3.6.16/${file}`;
const fetched = (file: string, sum: string) =>
  fetchEtcd(
    { version: "3.6.16", url: url(file), sha256: sum },
    { cacheDir, onProgress: () => undefined, log: () => undefined },
  );

describe("upstream's tarball", () => {
  it("is downloaded once and kept under upstream's name", async () => {
    const etcd = await fetched("etcd.tar.gz", sha256(TARBALL));
    expect(etcd).toMatchObject({ version: "3.6.16", fileName: "etcd.tar.gz", sha256: sha256(TARBALL) });
    expect(readFileSync(etcd.file, "utf8")).toBe(TARBALL);
    await fetched("etcd.tar.gz", sha256(TARBALL));
    expect(downloads).toBe(1);
  });

  it("with another checksum than the pinned one is thrown away", async () => {
    const want = "0".repeat(64);
    await expect(fetched("etcd.tar.gz", want)).rejects.toThrow(
      `etcd-upstream could not be built: ${url("etcd.tar.gz")} has sha256 ${sha256(TARBALL)}, want ${want}; it was thrown away`,
    );
    const kept = join(cacheDir, "etcd-upstream");
    expect(existsSync(kept) ? readdirSync(kept).filter((name) => !name.startsWith(".")) : []).toEqual([]);
  });

  it("that is not there is said so", async () => {
    await expect(fetched("missing.tar.gz", sha256(TARBALL))).rejects.toThrow("answered 404");
  });
});
