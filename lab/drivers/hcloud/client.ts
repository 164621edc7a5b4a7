/** A small client of the Hetzner Cloud API: one call, its retries, and waiting for actions. */
import { setTimeout as sleep } from "node:timers/promises";
import pRetry from "p-retry";
import { z } from "zod";
import type { DriverContext } from "../../engine/driver.ts";
import { ApiError, isPassing } from "./errors.ts";

const DEFAULT_ENDPOINT = "https://api.hetzner.cloud/v1";
const CALL_TIMEOUT_MS = 60_000;
/** The API's limit of ids in one list call. */
const ACTIONS_PER_POLL = 25;

/** How long to wait for what. */
export interface Timing {
  /** First wait between two looks at an action; doubles each time. */
  readonly pollMs: number;
  readonly pollCapMs: number;
  /** First wait before a call is repeated; doubles each time. */
  readonly retryMs: number;
  readonly retryCapMs: number;
  /** Repeats of one call. */
  readonly retries: number;
  /** Longest wait for a rate limit to be lifted. */
  readonly rateLimitCapMs: number;
}

export const DEFAULT_TIMING: Timing = {
  pollMs: 500,
  pollCapMs: 5_000,
  retryMs: 1_000,
  retryCapMs: 20_000,
  retries: 6,
  rateLimitCapMs: 60_000,
};

/** Failures that come before a call is sent. */
const NOT_TAKEN = [
  "ECONNREFUSED",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
  "UND_ERR_CONNECT_TIMEOUT",
];

const errorAnswer = z.object({
  error: z.object({
    code: z.string(),
    message: z.string(),
    details: z
      .object({ fields: z.array(z.object({ name: z.string(), messages: z.array(z.string()) })) })
      .partial()
      .nullish(),
  }),
});

const action = z.object({
  id: z.number(),
  command: z.string(),
  status: z.enum(["running", "success", "error"]),
  error: z.object({ code: z.string(), message: z.string() }).nullish(),
});
type Action = z.infer<typeof action>;

/** Answers with one action, with several, or with none. */
export const actionAnswer = z.object({
  action: action.nullish(),
  actions: z.array(action).nullish(),
  next_actions: z.array(action).nullish(),
});

type Method = "GET" | "POST" | "PUT" | "DELETE";

/** A call: its path below the endpoint, its body, and error codes to sit out besides the usual ones. */
export interface Call {
  readonly body?: unknown;
  readonly sitOut?: readonly string[];
}

export class Client {
  readonly #context: DriverContext;
  readonly #timing: Timing;
  readonly #endpoint: string;
  readonly #token: string;

  constructor(context: DriverContext, timing: Timing) {
    const setting = (key: string, variable: string): string | undefined =>
      z.string().optional().parse(context.provider[key]) || process.env[variable];
    this.#context = context;
    this.#timing = timing;
    this.#endpoint = (setting("endpoint", "HCLOUD_ENDPOINT") ?? DEFAULT_ENDPOINT).replace(/\/$/, "");
    this.#token = setting("token", "HCLOUD_TOKEN") ?? "";
    if (this.#token === "")
      throw new Error("hcloud: no token: set it (pulumi config set --secret hcloud:token, or HCLOUD_TOKEN)");
  }

  get signal(): AbortSignal {
    return this.#context.signal;
  }

  log(message: string): void {
    this.#context.log(message);
  }

  /** Calls the API and repeats what passes by itself. Throws {@link ApiError}. */
  async call<T>(method: Method, path: string, schema: z.ZodType<T>, options: Call = {}): Promise<T> {
    const { retries, retryMs, retryCapMs } = this.#timing;
    const sitOut = (error: unknown): boolean =>
      isPassing(error, method) || (error instanceof ApiError && (options.sitOut ?? []).includes(error.code));
    const answer = await pRetry(() => this.#once(method, path, options.body), {
      retries,
      minTimeout: retryMs,
      maxTimeout: retryCapMs,
      signal: this.signal,
      shouldRetry: ({ error }) => sitOut(error),
      onFailedAttempt: async ({ error, retriesLeft }) => {
        if (retriesLeft === 0 || !sitOut(error)) return;
        this.log(`${method} ${path}: ${error instanceof ApiError ? error.code : "failed"}, trying again`);
        await this.#waitForRateLimit(error);
      },
    });
    return readAnswer(schema, answer, `${method} ${path}`);
  }

  /** Waits until all actions have succeeded. One that failed is thrown. */
  async finish(answer: z.infer<typeof actionAnswer>): Promise<void> {
    const all = [answer.action, ...(answer.actions ?? []), ...(answer.next_actions ?? [])];
    let open = stillRunning(all.filter((one) => one !== undefined && one !== null));
    if (open.length === 0) return;
    await this.until(async () => {
      const looked = await this.#look(open.slice(0, ACTIONS_PER_POLL));
      open = stillRunning([...looked, ...open.slice(ACTIONS_PER_POLL)]);
      return open.length === 0;
    });
  }

  /** A call that answers with actions; returns when they are done. */
  async run(method: Method, path: string, options: Call = {}): Promise<void> {
    await this.finish(await this.call(method, path, actionAnswer, options));
  }

  /** Asks at growing distances, the first time after one, until the answer is yes. */
  async until(isDone: () => Promise<boolean>): Promise<void> {
    let wait = this.#timing.pollMs;
    do {
      await this.#pause(wait);
      wait = Math.min(wait * 2, this.#timing.pollCapMs);
    } while (!(await isDone()));
  }

  async #look(open: readonly Action[]): Promise<Action[]> {
    const ids = open.map((one) => `id=${one.id}`).join("&");
    const path = `/actions?${ids}&page=1&sort=status&sort=id`;
    const { actions } = await this.call("GET", path, z.object({ actions: z.array(action) }));
    if (actions.length === open.length) return actions;
    throw new Error(
      `hcloud: GET ${path}: an action is missing from the answer. Run refresh, then run again.`,
    );
  }

  async #waitForRateLimit(error: unknown): Promise<void> {
    if (!(error instanceof ApiError) || error.resetAt === undefined) return;
    const wait = Math.min(error.resetAt - Date.now(), this.#timing.rateLimitCapMs);
    if (wait > 0) await this.#pause(wait);
  }

  /** Throws the reason of the cancellation, which says more than that there was one. */
  async #pause(milliseconds: number): Promise<void> {
    await sleep(milliseconds, undefined, { signal: this.signal }).catch(() => this.signal.throwIfAborted());
  }

  async #once(method: Method, path: string, body: unknown): Promise<unknown> {
    const call = `${method} ${path}`;
    let response: Response;
    let text: string;
    try {
      response = await fetch(this.#endpoint + path, {
        method,
        headers: { authorization: `Bearer ${this.#token}`, "content-type": "application/json" },
        body: body === undefined ? null : JSON.stringify(body),
        signal: AbortSignal.any([this.signal, AbortSignal.timeout(CALL_TIMEOUT_MS)]),
      });
      text = await response.text();
    } catch (error) {
      this.signal.throwIfAborted();
      const reason = reasonOf(error);
      const code = NOT_TAKEN.includes(reason) ? "unreachable" : "no_answer";
      const message = `nothing answers at ${this.#endpoint} (${reason})`;
      throw new ApiError({ call, status: 0, code, message });
    }
    if (!response.ok) throw this.#problem(call, response, text);
    return text === "" ? {} : parseJson(text);
  }

  #problem(call: string, response: Response, text: string): ApiError {
    const parsed = errorAnswer.safeParse(parseJson(text));
    const { code, message, details } = parsed.data?.error ?? {
      code: "unknown",
      message: response.statusText || "no explanation",
    };
    const fields = details?.fields?.map((field) => `${field.name}: ${field.messages.join(", ")}`) ?? [];
    const reset = Number(response.headers.get("ratelimit-reset"));
    return new ApiError({
      call,
      status: response.status,
      code,
      // An API that quotes the request must not put the token on the screen.
      message: [message, ...fields].join("; ").replaceAll(this.#token, "[token]"),
      resetAt: response.status === 429 && reset > 0 ? reset * 1000 : undefined,
    });
  }
}

/** A part of an answer in its typed form. Throws a sentence when the API answers something else. */
export function readAnswer<T>(schema: z.ZodType<T>, answer: unknown, what: string): T {
  const parsed = schema.safeParse(answer);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
  throw new Error(`hcloud: ${what}: unexpected answer: ${problems.join("; ")}`);
}

function stillRunning(actions: readonly Action[]): Action[] {
  const failed = actions.find((one) => one.status === "error");
  if (failed === undefined) return actions.filter((one) => one.status === "running");
  const { code, message } = failed.error ?? { code: "unknown", message: "no explanation" };
  const reason = `${code}: ${message.replace(/\.$/, "")}`;
  throw new Error(`hcloud: action ${failed.command} failed: ${reason}. Run refresh, then run again.`);
}

/** Undefined for text that is no JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The system's code of a failed fetch, for example ECONNREFUSED. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return "no answer";
  const cause: unknown = error.cause;
  if (cause instanceof Error && "code" in cause) return String(cause.code);
  return error.name === "TimeoutError" ? "no answer in time" : error.message;
}
