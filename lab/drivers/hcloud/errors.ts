/** The Hetzner Cloud API's errors, as sentences that say what to do next. */

/**
 * An answer of the API that is no success, or no answer (status 0): `unreachable` when the call has not been
 * taken, `no_answer` when it may have been.
 */
export class ApiError extends Error {
  readonly status: number;
  /** The API's own code, for example `uniqueness_error`. */
  readonly code: string;
  /** When the rate limit allows calls again, in epoch milliseconds. Only with 429. */
  readonly resetAt: number | undefined;

  constructor(problem: Problem) {
    super(sentenceFor(problem));
    this.name = "ApiError";
    this.status = problem.status;
    this.code = problem.code;
    this.resetAt = problem.resetAt;
  }
}

export interface Problem {
  /** Method and path, for example `POST /servers`. */
  readonly call: string;
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly resetAt?: number | undefined;
}

/** Codes say more than the status where both are known. */
const ADVICE_BY_CODE: Readonly<Record<string, string>> = {
  uniqueness_error: "The project already has one of that name or key: delete or rename it, then run again.",
  protected:
    "It is protected against deletion: switch its protection off in the config, run, then try again.",
  resource_unavailable: "Choose another server type or location in the config.",
  placement_error: "No host is free that keeps the group apart: try later, or choose another location.",
  resource_limit_exceeded: "Ask Hetzner to raise the project's limit, or delete what is not needed.",
  unreachable:
    "Check the network and the endpoint (hcloud:endpoint or HCLOUD_ENDPOINT); in the lab, see that it is up.",
  no_answer: "It may have been done all the same: run again, which looks for what is there by its name.",
};

const ADVICE_BY_STATUS: Readonly<Record<number, string>> = {
  401: "The token is not valid: make one in the project's console and set it (hcloud:token or HCLOUD_TOKEN).",
  403: "The token may not do this: make one with read and write permission and set it.",
  404: "It is not there (any more): run refresh to see what is left, then run again.",
  409: "Something else is changing it: wait a moment and run again.",
  412: "Choose another server type or location in the config.",
  422: "The API refuses a value: correct it in the config.",
  423: "Another action is still running on it: wait a moment and run again.",
  429: "The project's calls for this hour are used up: wait and run again.",
};

function adviceFor({ status, code }: Problem): string {
  const known = ADVICE_BY_CODE[code] ?? ADVICE_BY_STATUS[status];
  if (known !== undefined) return known;
  if (status >= 500) return "The fault is on the API's side: see status.hetzner.com, wait and run again.";
  return "Run again with this message at hand; the API's documentation explains the code.";
}

function sentenceFor(problem: Problem): string {
  const { call, status, code, message } = problem;
  const got = status === 0 ? code : `${status} ${code}`;
  return `hcloud: ${call}: ${got}: ${message.replace(/\.$/, "")}. ${adviceFor(problem)}`;
}

/**
 * True for the errors that pass by themselves, as Hetzner's own client sees it. A POST that may have been done is
 * not repeated: it would do it twice.
 */
export function isPassing(error: unknown, method: string): boolean {
  if (!(error instanceof ApiError)) return false;
  if (error.code === "no_answer") return method !== "POST";
  if (["locked", "conflict", "unreachable"].includes(error.code)) return true;
  return error.status === 429 || error.status >= 500;
}

/** True when the API says that the thing is not there. */
function isNotFound(error: unknown): boolean {
  return error instanceof ApiError && error.status === 404;
}

/** `undefined` in place of a 404. */
export async function orGone<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
