/** The measuring client against a server of its own. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TLSSocket } from "node:tls";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { renderKubeconfig } from "../../components/k3s-control-plane/kubeconfig.ts";
import { readKubeconfig } from "../../ops/kubeconfig.ts";
import { ApiProbe } from "../../ops/measure.ts";
import { waitFor } from "../../ops/wait.ts";

let dir: string;
/** One pair for both sides, and its own authority. */
let pair: { readonly cert: string; readonly key: string };
let server: Server;
let port: number;
let behaviour: "answer" | "refuse" | "hang";
let connections: number;
let clients: Set<string>;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "probe-"));
  const [cert, key] = [join(dir, "cert.pem"), join(dir, "key.pem")];
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  const names = ["-subj", "/CN=admin", "-addext", "subjectAltName=DNS:kubernetes"];
  execFileSync("openssl", ["req", "-x509", ...curve, ...names, "-out", cert, "-keyout", key], {
    stdio: "ignore",
  });
  pair = { cert: readFileSync(cert, "utf8"), key: readFileSync(key, "utf8") };
  connections = 0;
  clients = new Set();
  behaviour = "answer";
  server = createServer({ ...pair, ca: pair.cert, requestCert: true }, (request, response) => {
    clients.add(String((request.socket as TLSSocket).getPeerCertificate().subject?.CN));
    if (behaviour === "hang") return;
    response.writeHead(behaviour === "answer" ? 200 : 503).end(request.url);
  });
  server.on("secureConnection", () => {
    connections += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  port = (server.address() as AddressInfo).port;
});
afterEach(() => {
  behaviour = "answer";
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
  rmSync(dir, { recursive: true });
});

const credentials = () => ({ ca: pair.cert, serverName: "kubernetes", ...pair });
const start = (addresses: readonly string[] = ["127.0.0.1"]) =>
  ApiProbe.start({ credentials: credentials(), addresses, port });

const until = (condition: () => boolean) => waitFor(async () => condition(), { seconds: 10, everyMs: 20 });

/** Lets the client make a number of calls from now on. */
async function calls(probe: ApiProbe, wanted: number): Promise<void> {
  probe.lap();
  let seen = 0;
  await until(() => {
    seen += probe.lap().calls;
    return seen >= wanted;
  });
}

describe("the measuring client", () => {
  it("shows its certificate, keeps its connection and sees no gap", async () => {
    const before = connections;
    const probe = await start();
    await calls(probe, 3);
    const seen = await probe.stop();
    expect(seen.errors).toBe(0);
    expect(seen.longestGapMs).toBeLessThan(1000);
    expect(connections - before).toBe(1);
    expect([...clients]).toEqual(["admin"]);
  });

  it("sees errors and the gap that they make, and goes on", async () => {
    const probe = await start();
    behaviour = "refuse";
    await until(() => !probe.answers);
    await calls(probe, 4);
    behaviour = "answer";
    await until(() => probe.answers);
    const { errors, longestGapMs, reasons } = await probe.stop();
    expect(errors).toBeGreaterThanOrEqual(4);
    expect(longestGapMs).toBeGreaterThan(300);
    expect(reasons).toEqual({ "HTTP 503": errors });
  });

  it("does not wait longer than a second for an answer", async () => {
    const probe = await start();
    behaviour = "hang";
    await until(() => !probe.answers);
    behaviour = "answer";
    await until(() => probe.answers);
    const { longestGapMs, reasons } = await probe.stop();
    expect(Object.keys(reasons)).toEqual(["no answer in 1000 ms"]);
    expect(longestGapMs).toBeGreaterThan(900);
  });

  it("tries all its addresses within one call, and stays with the one that works", async () => {
    // Nobody listens on the first one.
    const probe = await start(["127.0.0.2", "127.0.0.1"]);
    await calls(probe, 2);
    expect(await probe.stop()).toMatchObject({ errors: 0, reasons: {} });
  });

  it("says why there is nothing to measure", async () => {
    await expect(
      ApiProbe.start({
        credentials: credentials(),
        addresses: ["127.0.0.2"],
        port,
        firstAnswerMs: 100,
      }),
    ).rejects.toThrow("the API does not answer at 127.0.0.2: ECONNREFUSED");
  });
});

describe("an exported kubeconfig", () => {
  const text = renderKubeconfig({
    ...{ cluster: "lab", user: "admin", host: "192.0.2.7", port: 6443 },
    ...{ caPem: "an authority", certPem: "a certificate", keyPem: "a key" },
  });

  it("has an address and credentials", () => {
    expect(readKubeconfig(text)).toEqual({
      endpoint: new URL("https://192.0.2.7:6443"),
      serverName: "kubernetes",
      ca: "an authority",
      cert: "a certificate",
      key: "a key",
    });
  });

  it("that can't be used is named by its fields, without its content", () => {
    const broken = text.replace(/client-key-data: .*/, "client-key-data: 'secret: not base64'");
    expect(() => readKubeconfig(broken)).toThrow(
      /^the exported kubeconfig can't be used here: users\.0\.user\.client-key-data: [^:]*$/,
    );
    expect(() => readKubeconfig(broken)).not.toThrow(/secret/);
  });
});
