/** Clients that write over HTTPS, each over a connection that it keeps and without a pause, and remember what they got. */
import { Agent, request } from "node:https";
import { setTimeout as sleep } from "node:timers/promises";
import { type Call, median } from "../ops/gaps.ts";

export interface HttpLoadOptions {
  readonly url: URL;
  /** Where its name leads to. */
  readonly address: string;
  /** Authority of its certificate, PEM. */
  readonly ca: string;
  /** Sent each time, as JSON. */
  readonly body: object;
  readonly clients: number;
  readonly seconds: number;
}

/** One call; with the id of what was made where it was answered with 201. */
export interface Written extends Call {
  readonly id?: number;
}

const TIMEOUT_MS = 10_000;
/** After what was refused: nobody wants a client that asks a thousand times a second meanwhile. */
const PAUSE_MS = 50;

function post({ url, address, body }: HttpLoadOptions, agent: Agent): Promise<number> {
  return new Promise((resolve, reject) => {
    const text = JSON.stringify(body);
    const headers = {
      "content-type": "application/json",
      "content-length": Buffer.byteLength(text),
      host: url.hostname,
    };
    const options = {
      agent,
      host: address,
      path: url.pathname,
      method: "POST",
      headers,
      timeout: TIMEOUT_MS,
    };
    const call = request(options, async (answer) => {
      let said = "";
      for await (const part of answer.setEncoding("utf8")) said += part;
      if (answer.statusCode === 201) resolve(JSON.parse(said).id);
      else reject(new Error(`HTTP ${answer.statusCode}`));
    });
    call.on("timeout", () => call.destroy(new Error("no answer in time")));
    call.on("error", reject).end(text);
  });
}

async function client(options: HttpLoadOptions, until: number): Promise<readonly Written[]> {
  const { ca, url } = options;
  const agent = new Agent({ keepAlive: true, maxSockets: 1, ca, servername: url.hostname });
  const written: Written[] = [];
  while (performance.now() < until) {
    const began = performance.now();
    try {
      const id = await post(options, agent);
      written.push({ began, ended: performance.now(), id });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      written.push({ began, ended: performance.now(), error: reason });
      await sleep(PAUSE_MS);
    }
  }
  agent.destroy();
  return written;
}

/** All calls of all clients, by their ends. */
export async function writeAll(options: HttpLoadOptions): Promise<readonly Written[]> {
  const until = performance.now() + options.seconds * 1000;
  const all = await Promise.all(Array.from({ length: options.clients }, () => client(options, until)));
  return all.flat().sort((one, other) => one.ended - other.ended);
}

export interface LoadSummary {
  readonly answers: number;
  readonly errors: number;
  readonly perSecond: number;
  readonly medianMs: number;
  /** Ninety-nine of a hundred calls took no longer. */
  readonly p99Ms: number;
  /** First and last failed call, milliseconds after `from`; absent when none failed. */
  readonly failed?: { readonly first: number; readonly last: number };
  readonly reasons: Readonly<Record<string, number>>;
}

/** @param from when it began, or something happened */
export function summarizeLoad(calls: readonly Written[], seconds: number, from: number): LoadSummary {
  const failed = calls.filter(({ error }) => error !== undefined);
  const times = calls.filter(({ error }) => error === undefined).map(({ began, ended }) => ended - began);
  const sorted = [...times].sort((a, b) => a - b);
  const reasons: Record<string, number> = {};
  for (const { error = "" } of failed) reasons[error] = (reasons[error] ?? 0) + 1;
  const [first, last] = [failed[0], failed.at(-1)];
  return {
    answers: times.length,
    errors: failed.length,
    perSecond: times.length / seconds,
    medianMs: median(times),
    p99Ms: sorted[Math.ceil(sorted.length * 0.99) - 1] ?? 0,
    ...(first && last && { failed: { first: first.began - from, last: last.ended - from } }),
    reasons,
  };
}
