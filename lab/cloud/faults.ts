/** Errors on demand, for tests: the next calls that match are answered wrongly, or not at all. */
import { matchesGlob } from "node:path";
import { z } from "zod";

/** Hetzner's codes for the statuses worth testing. */
const CODES: Readonly<Record<number, string>> = {
  401: "unauthorized",
  403: "forbidden",
  404: "not_found",
  409: "conflict",
  412: "resource_unavailable",
  422: "invalid_input",
  423: "locked",
  429: "rate_limit_exceeded",
  500: "server_error",
  502: "bad_gateway",
  503: "unavailable",
  504: "timeout",
};

/** One order for errors. */
export const fault = z
  .object({
    /** `*` for all. */
    method: z.enum(["GET", "POST", "PUT", "DELETE", "*"]).default("*"),
    /** Path below /v1 with globs: `*` stands for one part, `**` for the rest. */
    path: z.string().startsWith("/"),
    /** How many calls. */
    times: z.int().positive().default(1),
    status: z.int().min(400).max(599).optional(),
    /** @default Hetzner's code for the status */
    code: z.string().optional(),
    message: z.string().default("a fault, as asked for"),
    /** Cut the connection: before anything is done, or when it is done but not yet answered. */
    drop: z.enum(["request", "answer"]).optional(),
  })
  .refine(({ status, drop }) => (status === undefined) !== (drop === undefined), {
    error: "wants either a status or a drop",
  })
  .transform((value) => ({ ...value, code: value.code ?? CODES[value.status ?? 0] ?? "unknown_error" }));

export type FaultInput = z.input<typeof fault>;
export type Fault = z.output<typeof fault>;

/** The faults that are still to come. */
export class Faults {
  #waiting: { fault: Fault; left: number }[] = [];

  /** @throws Error when the fault makes no sense */
  add(input: FaultInput): void {
    const parsed = fault.safeParse(input);
    if (!parsed.success) throw new Error(`fault: ${z.prettifyError(parsed.error)}`);
    this.#waiting.push({ fault: parsed.data, left: parsed.data.times });
  }

  /** Calls still to be spoiled. */
  get left(): number {
    return this.#waiting.reduce((sum, { left }) => sum + left, 0);
  }

  /** The fault for this call, used up by asking. */
  take(method: string, path: string): Fault | undefined {
    const found = this.#waiting.find(
      ({ fault }) => (fault.method === "*" || fault.method === method) && matchesGlob(path, fault.path),
    );
    if (found === undefined) return undefined;
    found.left -= 1;
    this.#waiting = this.#waiting.filter(({ left }) => left > 0);
    return found.fault;
  }
}
