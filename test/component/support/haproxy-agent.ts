/**
 * Runs in a network namespace with the addresses of nodes, load balancer and clients: plays API servers and ingress
 * pods, and connects as a client from any of those addresses. Takes one request after the other from its parent.
 */
import { readFileSync } from "node:fs";
import { createServer as createHttpsServer } from "node:https";
import { connect, createServer, type Server, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls, type TLSSocket } from "node:tls";

/** `stopping` is for ingress pods (`ingress-n1`), the others for API servers (`n1`). */
type Mode = "ready" | "unready" | "silent" | "closed" | "stopping";

interface Call {
  readonly from: string;
  readonly port: number;
  /** Sent before anything else. */
  readonly header?: string;
  readonly tls?: boolean;
}

export type Request =
  | { readonly do: "set"; readonly server: string; readonly mode: Mode }
  | { readonly do: "call"; readonly call: Call }
  | { readonly do: "open" }
  | { readonly do: "again" };

const NODES = { n1: "10.0.1.11", n2: "10.0.1.12", n3: "10.0.1.13" };
const pki = process.argv[2] ?? "";
const pem = (name: string) => readFileSync(`${pki}/${name}`, "utf8");

const modes = new Map<string, Mode>();
const apis = new Map<string, { server: Server; sockets: Set<Duplex>; listen: () => Promise<void> }>();

function startApi(key: string, ip: string): Promise<void> {
  const server = createHttpsServer(
    {
      cert: pem("server.crt"),
      key: pem("server.key"),
      ca: pem("ca.crt"),
      requestCert: true,
      rejectUnauthorized: false,
    },
    (request, response) => {
      if (!request.url?.startsWith("/readyz")) return response.end(key);
      const socket = request.socket as TLSSocket;
      const known = socket.authorized && socket.getPeerCertificate().subject.CN === "gardenos:haproxy";
      if (modes.get(key) === "silent") return undefined;
      response.statusCode = known ? (modes.get(key) === "unready" ? 500 : 200) : 401;
      return response.end();
    },
  );
  const sockets = new Set<Duplex>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket)).on("error", () => {});
  });
  server.on("tlsClientError", () => {});
  const listen = () => new Promise<void>((resolve) => server.listen(6445, ip, resolve));
  apis.set(key, { server, sockets, listen });
  return listen();
}

/** An ingress pod behind PROXY v2: answers its own name and the client's address as the header has it. */
function startIngress(key: string, ip: string, port: number): Promise<void> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    let seen = Buffer.alloc(0);
    socket.on("data", (data) => {
      seen = Buffer.concat([seen, data]);
      if (seen.length < 16 || seen.length < 16 + seen.readUInt16BE(14)) return;
      const rest = seen.subarray(16 + seen.readUInt16BE(14)).toString();
      if (!rest.includes("\r\n\r\n")) return;
      const isProxy = seen.subarray(0, 12).toString("latin1") === "\r\n\r\n\0\r\nQUIT\n";
      const body = `${key} ${isProxy ? [...seen.subarray(16, 20)].join(".") : "without header"}`;
      const code = modes.get(`ingress-${key}`) === "stopping" ? 404 : 200;
      const ping = rest.startsWith("GET /ping ");
      socket.end(`HTTP/1.1 ${ping ? code : 200} -\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    });
  });
  return new Promise((resolve) => server.listen(port, ip, resolve));
}

async function setMode(key: string, mode: Mode): Promise<void> {
  const api = apis.get(key);
  const before = modes.get(key);
  modes.set(key, mode);
  if (!api) return;
  if (mode === "closed") {
    api.server.close();
    for (const socket of api.sockets) socket.destroy();
  } else if (before === "closed") {
    await api.listen();
  }
}

const GET = "GET / HTTP/1.1\r\nHost: kubernetes\r\n\r\n";

/** Opens a connection as `call` says; over TLS it is ready when the handshake is done. */
function open({ from, port, header, tls }: Call): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const raw = connect({ host: "10.0.1.11", port, localAddress: from });
    raw.on("error", reject).on("close", () => reject(new Error("closed")));
    raw.once("connect", () => {
      if (header) raw.write(header);
      if (!tls) return resolve(raw);
      const secure = connectTls({ socket: raw, ca: pem("ca.crt"), servername: "kubernetes" });
      secure.on("error", reject).once("secureConnect", () => resolve(secure));
    });
  });
}

function answer(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    socket.once("data", (data) =>
      resolve(
        data
          .toString()
          .split("\r\n\r\n")
          .at(-1)
          ?.match(/^(?:\d+\r\n)?(.*)/)?.[1] ?? "",
      ),
    );
    socket.once("error", reject).once("close", () => reject(new Error("closed")));
    socket.write(GET);
  });
}

let kept: Socket | undefined;

async function handle(request: Request): Promise<string> {
  switch (request.do) {
    case "set":
      await setMode(request.server, request.mode);
      return "";
    case "call": {
      const socket = await open(request.call);
      const text = await answer(socket).finally(() => socket.destroy());
      return text;
    }
    case "open":
      kept = await open({ from: "203.0.113.10", port: 6443, tls: true });
      return answer(kept);
    case "again":
      return kept ? answer(kept) : "nothing is open";
  }
}

await Promise.all(
  Object.entries(NODES).flatMap(([key, ip]) => [
    startApi(key, ip),
    startIngress(key, ip, 8080),
    startIngress(key, ip, 8443),
  ]),
);
process.on("message", ({ id, request }: { id: number; request: Request }) => {
  const send = (result: string) => process.send?.({ id, result });
  handle(request).then(send, (error: NodeJS.ErrnoException) =>
    send(`refused: ${error.code ?? error.message}`),
  );
});
process.on("disconnect", () => process.exit());
process.send?.({ id: 0, result: "listening" });
