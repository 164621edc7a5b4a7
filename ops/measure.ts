/** A client that calls the Kubernetes API ten times a second and remembers what it got. */
import { Agent, request } from "node:https";
import { setTimeout as sleep } from "node:timers/promises";
import { type Call, type Measurement, summarize } from "./gaps.ts";
import type { ApiCredentials } from "./kubeconfig.ts";

const INTERVAL_MS = 100;
/** Per address. What does not answer within this does not answer. */
const TIMEOUT_MS = 1000;
const FIRST_ANSWER_MS = 15_000;
/** One object, read by quorum: it needs HAProxy, an API server and an etcd that has a leader. */
const PATH = "/api/v1/namespaces/default";

export interface ProbeOptions {
  readonly credentials: Omit<ApiCredentials, "endpoint">;
  /** Tried in turn within one call, the last one that worked first, as a client does that gets several from DNS. */
  readonly addresses: readonly string[];
  readonly port: number;
  /** How long to wait for the first answer. @default 15000 */
  readonly firstAnswerMs?: number;
}

/** Runs until it is stopped, over connections that it keeps. A machine that is busy shows in its gaps. */
export class ApiProbe {
  readonly #options: ProbeOptions;
  readonly #agent: Agent;
  readonly #calls: Call[] = [];
  readonly #stopping = new AbortController();
  #good = 0;
  #lapBegan = 0;
  #end: Promise<void> = Promise.resolve();

  private constructor(options: ProbeOptions) {
    const { ca, cert, key, serverName: servername } = options.credentials;
    this.#options = options;
    // An intermediate authority is trusted by itself, as kubectl does.
    const trust = { ca, cert, key, servername, allowPartialTrustChain: true };
    this.#agent = new Agent({ keepAlive: true, maxSockets: 1, ...trust });
  }

  /**
   * Answers when the API has answered.
   * @throws Error with the reason when it does not in time
   */
  static async start(options: ProbeOptions): Promise<ApiProbe> {
    const probe = new ApiProbe(options);
    const deadline = performance.now() + (options.firstAnswerMs ?? FIRST_ANSWER_MS);
    for (;;) {
      const { error } = await probe.#call();
      if (error === undefined) break;
      if (performance.now() > deadline) {
        probe.#agent.destroy();
        throw new Error(`the API does not answer at ${options.addresses.join(", ")}: ${error}`);
      }
      await sleep(INTERVAL_MS);
    }
    probe.#end = probe.#run();
    return probe;
  }

  /** What it saw since the last lap, or since it was started. */
  lap(): Measurement {
    const until = performance.now();
    const seen = summarize(this.#calls, { intervalMs: INTERVAL_MS, from: this.#lapBegan, until });
    this.#lapBegan = until;
    return seen;
  }

  /** True when the last call was answered. */
  get answers(): boolean {
    const last = this.#calls.at(-1);
    return last !== undefined && last.error === undefined;
  }

  /** Everything it saw. */
  async stop(): Promise<Measurement> {
    const until = performance.now();
    this.#stopping.abort();
    await this.#end;
    this.#agent.destroy();
    return summarize(this.#calls, { intervalMs: INTERVAL_MS, until });
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const { began } = await this.#call();
      const pause = Math.max(0, began + INTERVAL_MS - performance.now());
      await sleep(pause, undefined, { signal }).catch(() => undefined);
    }
  }

  async #call(): Promise<Call> {
    const began = performance.now();
    const error = await this.#tryAll();
    const call = { began, ended: performance.now(), ...(error !== undefined && { error }) };
    this.#calls.push(call);
    return call;
  }

  /** Answers the last reason when no address works. */
  async #tryAll(): Promise<string | undefined> {
    const { addresses } = this.#options;
    let reason: string | undefined;
    for (const [turn] of addresses.entries()) {
      const index = (this.#good + turn) % addresses.length;
      reason = await this.#get(addresses[index] ?? "").then(() => undefined, reasonOf);
      if (reason !== undefined) continue;
      this.#good = index;
      return undefined;
    }
    return reason;
  }

  #get(host: string): Promise<void> {
    const { port } = this.#options;
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    return new Promise((resolve, reject) => {
      const call = request({ agent: this.#agent, host, port, path: PATH, signal }, (response) => {
        response.resume();
        response.once("error", reject);
        response.once("end", () => {
          if (response.statusCode === 200) resolve();
          else reject(new Error(`HTTP ${response.statusCode}`));
        });
      });
      call.once("error", reject);
      call.end();
    });
  }
}

/** A word to count by. */
function reasonOf(error: Error & { readonly code?: string }): string {
  if (error.name === "AbortError" || error.name === "TimeoutError") return `no answer in ${TIMEOUT_MS} ms`;
  return error.code ?? error.message;
}
