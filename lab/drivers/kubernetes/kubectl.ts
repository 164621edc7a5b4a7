/** Kubernetes' own client: how it is found, how it gets its credentials, and what its failures mean. */
import { createHash, randomUUID } from "node:crypto";
import { type FileHandle, open, unlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pLimit from "p-limit";
import pRetry from "p-retry";
import { z } from "zod";
import type { DriverContext } from "../../engine/driver.ts";
import { run } from "../process.ts";
import type { Connection } from "./provider.ts";

/** How long to wait for what. */
export interface Timing {
  /** First wait before a call is repeated; doubles each time. */
  readonly retryMs: number;
  readonly retryCapMs: number;
  /** How long a call is repeated while nothing answers or the server is busy: the API may be failing over. */
  readonly patienceMs: number;
  /** The same for reads: a refresh must not take that long when a cluster is gone. */
  readonly readPatienceMs: number;
  /** The same for kinds and namespaces that the server does not know yet. */
  readonly unknownPatienceMs: number;
}

export const DEFAULT_TIMING: Timing = {
  retryMs: 500,
  retryCapMs: 5_000,
  patienceMs: 120_000,
  readPatienceMs: 15_000,
  unknownPatienceMs: 30_000,
};

const REQUEST_TIMEOUT = "--request-timeout=30s";

/** One kubectl is half a second of a processor and 50 MB: more at a time make nothing faster. */
const slots = pLimit(4);

/** What kubectl remembers of a server's kinds, apart for each cluster: a new one may have an old one's address. */
export function cacheDirOf({ kubeconfig }: Connection): string {
  const key = createHash("sha256").update(kubeconfig).digest("hex").slice(0, 16);
  return join(import.meta.dirname, "../../../node_modules/.cache/kubectl", key);
}

/**
 * The command that stands for `kubectl`: `$GARDENOS_KUBECTL`, a path or a JSON list such as `["/opt/k3s","kubectl"]`,
 * or `kubectl` from the PATH.
 * @throws Error when the variable holds a list that is none
 */
export function kubectlCommand(
  env: Readonly<Record<string, string | undefined>> = process.env,
): readonly string[] {
  const setting = env["GARDENOS_KUBECTL"];
  if (!setting) return ["kubectl"];
  if (!setting.startsWith("[")) return [setting];
  const parsed = z.array(z.string()).min(1).safeParse(parseJson(setting));
  if (parsed.success) return parsed.data;
  throw new Error(
    `GARDENOS_KUBECTL: got ${setting}, want a path or a JSON list such as ["/opt/k3s","kubectl"]`,
  );
}

/**
 * unreachable: no API server answers. stranger: it does not know us, or we do not know it. busy: it answers, but not
 * this now. unknown: it has no such kind or namespace (yet). refused: everything else.
 */
export type Cause = "unreachable" | "stranger" | "busy" | "unknown" | "refused";

const CAUSES: readonly (readonly [Cause, RegExp])[] = [
  ["busy", /failed calling webhook|etcdserver: |currently unable to handle the request|leader changed/i],
  ["busy", /too many requests|try again later|please apply your changes to the latest version/i],
  ["stranger", /\(Unauthorized\)|must be logged in to the server|x509: /],
  ["unreachable", /connection refused|no route to host|network is unreachable|i\/o timeout|no such host/i],
  [
    "unreachable",
    /TLS handshake timeout|connection reset by peer|: EOF\b|connection lost|deadline exceeded/i,
  ],
  [
    "unreachable",
    /connection to the server \S+ was refused|Client\.Timeout exceeded|request canceled|unexpected EOF/i,
  ],
  ["unknown", /no matches for kind|doesn't have a resource type|could not find the requested resource/i],
  ["unknown", /namespaces "[^"]*" not found/i],
];

/** Why kubectl failed, in its own words without the warnings. */
export class KubectlError extends Error {
  readonly reason: Cause;

  constructor(stderr: string) {
    const said = stderr.split("\n").filter((line) => line.trim() !== "" && !isWarning(line));
    super([...new Set(said)].join("\n") || "kubectl failed and said nothing");
    this.reason = CAUSES.find(([, pattern]) => pattern.test(this.message))?.[0] ?? "refused";
  }
}

function isWarning(line: string): boolean {
  // client-go logs each failed discovery before kubectl sums it up.
  return /^Warning: |^[EWI]\d{4} /.test(line);
}

/** What a call gets. */
export interface Call {
  /** Manifests, as JSON. Never on the command line: they may hold secrets. */
  readonly stdin?: string;
  /** Receives each line of the output as it comes. */
  onLine?(line: string): void;
  /** @default the kubectl's own */
  readonly signal?: AbortSignal;
  /** Causes to sit out, and for how long. @default unreachable and busy, `Timing.patienceMs` */
  readonly sitOut?: readonly Cause[];
  readonly patienceMs?: number;
  /** False for calls that last as long as they wait. @default true */
  readonly brief?: boolean;
}

/** kubectl for one cluster and one driver call. */
export class Kubectl {
  readonly connection: Connection;
  readonly timing: Timing;
  readonly #context: DriverContext;

  constructor(context: DriverContext, connection: Connection, timing: Timing) {
    this.#context = context;
    this.connection = connection;
    this.timing = timing;
  }

  get signal(): AbortSignal {
    return this.#context.signal;
  }

  log(message: string): void {
    this.#context.log(message);
  }

  /** The same with another signal: to ask what went wrong after the time is up. */
  until(signal: AbortSignal): Kubectl {
    return new Kubectl({ ...this.#context, signal }, this.connection, this.timing);
  }

  /** Runs kubectl and answers its output; repeats what passes by itself. @throws KubectlError */
  async run(args: readonly string[], call: Call = {}): Promise<string> {
    const { retryMs, retryCapMs, patienceMs, unknownPatienceMs } = this.timing;
    const sitOut = call.sitOut ?? ["unreachable", "busy"];
    const signal = call.signal ?? this.signal;
    const passes = (error: unknown): boolean => {
      if (!(error instanceof KubectlError) || !sitOut.includes(error.reason)) return false;
      return error.reason !== "unknown" || Date.now() - begun < unknownPatienceMs;
    };
    const begun = Date.now();
    let told = false;
    const once = (): Promise<string> => this.#once(args, call, signal);
    return pRetry(() => (call.brief === false ? once() : slots(once)), {
      retries: Number.POSITIVE_INFINITY,
      minTimeout: retryMs,
      maxTimeout: retryCapMs,
      maxRetryTime: call.patienceMs ?? patienceMs,
      signal,
      shouldRetry: ({ error }) => passes(error),
      onFailedAttempt: ({ error }) => {
        if (told || !passes(error)) return;
        told = true;
        this.log(`trying again: ${error.message.split("\n").at(-1)}`);
      },
    });
  }

  /** `run` for a call that prints one JSON object, or nothing. */
  async json(args: readonly string[], call: Call = {}): Promise<unknown> {
    const text = await this.run([...args, "--output=json"], call);
    return text.trim() === "" ? undefined : JSON.parse(text);
  }

  async #once(args: readonly string[], call: Call, signal: AbortSignal): Promise<string> {
    const { kubeconfig, flags } = this.connection;
    const file = await nameless(kubeconfig);
    try {
      const timeout = call.brief === false ? [] : [REQUEST_TIMEOUT];
      const options = [`--cache-dir=${cacheDirOf(this.connection)}`, ...flags, ...timeout];
      const finished = await run({
        argv: [...kubectlCommand(), "--kubeconfig=/dev/fd/3", ...options, ...args],
        stdin: call.stdin,
        files: [file.fd],
        env: { KUBERC: "off", LC_ALL: "C.UTF-8" },
        signal,
        onLine: (stream, line) => {
          if (stream === "stdout") call.onLine?.(line);
          else if (line.startsWith("Warning: ")) this.#context.warn(line.slice("Warning: ".length));
        },
      });
      if (finished.exitCode !== 0) throw new KubectlError(finished.stderr);
      return finished.stdout;
    } finally {
      await file.close();
    }
  }
}

/** A file without a name: only who gets the descriptor can read it, and it is gone with its last reader. */
async function nameless(text: string): Promise<FileHandle> {
  const path = join(tmpdir(), `gardenos-${randomUUID()}`);
  const file = await open(path, "wx+", 0o600);
  try {
    await unlink(path);
    await file.writeFile(text);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Undefined for text that is no JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
