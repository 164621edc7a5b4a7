/** Runs driver calls: bounded, reported, and stopped in good order after the first error or a cancellation. */
import pLimit, { type LimitFunction } from "p-limit";
import { knownOf } from "./diff.ts";
import type { Driver, DriverContext } from "./driver.ts";
import { EngineError, messageOf } from "./errors.ts";
import type { Activity, EngineEvent, Reporter } from "./events.ts";
import { configurationOf, driverFor } from "./providers.ts";
import type { Redactor } from "./redact.ts";
import type { ResourceRecord, State } from "./state.ts";
import { nameOf } from "./urn.ts";
import { rebuild } from "./wire.ts";

/** Thrown to unwind a step that must not go on. The reason has been reported already. */
export class Halted extends Error {}

export interface RunnerOptions {
  readonly drivers: Readonly<Record<string, Driver>>;
  /** Driver calls at the same time. */
  readonly parallel: number;
  readonly redactor: Redactor;
  readonly reporter: Reporter;
}

/** More of them at the same time: drivers gather what is asked for together, and ask once. */
const READS = 8;

/** One driver call. */
export interface Call {
  readonly activity: Activity;
  readonly record: Pick<ResourceRecord, "urn" | "type" | "provider" | "customTimeouts">;
  readonly state: State;
  /** Calls the driver and records what came of it, so that a halt never separates the two. */
  readonly work: (driver: Driver, context: DriverContext) => Promise<void>;
}

/** What one run of the engine does, and whether it may go on. */
export class Runner {
  readonly errors: string[] = [];
  readonly redactor: Redactor;
  /** Messages of the preview: the program says them again when it runs for real. */
  readonly said = new Set<string>();
  cancelled = false;
  /** Resolves when no further step may start. */
  readonly halted: Promise<void>;
  readonly #drivers: Readonly<Record<string, Driver>>;
  readonly #reporter: Reporter;
  readonly #limit: LimitFunction;
  readonly #limitOfReads: LimitFunction;
  readonly #abort = new AbortController();
  readonly #running = new Set<Promise<void>>();
  #halt: () => void = () => undefined;
  #steps = 0;

  constructor({ drivers, parallel, redactor, reporter }: RunnerOptions) {
    this.#drivers = drivers;
    this.#limit = pLimit(parallel);
    this.#limitOfReads = pLimit(parallel * READS);
    this.redactor = redactor;
    this.#reporter = reporter;
    this.halted = new Promise((resolve) => {
      this.#halt = resolve;
    });
  }

  get stopped(): boolean {
    return this.cancelled || this.errors.length > 0;
  }

  /** Reports an event with every known secret taken out. */
  report(event: EngineEvent): void {
    this.#reporter(this.clean(event));
  }

  /** A copy with every known secret taken out of all texts. */
  clean<T>(value: T): T {
    return rebuild(value, (part) => (typeof part === "string" ? this.redactor.clean(part) : undefined)) as T;
  }

  /** Records an error; no further step starts. */
  fail(text: string): void {
    this.errors.push(this.redactor.clean(text));
    this.#halt();
  }

  /** The first time: no further step starts. The second time: drivers are told to give up as well. */
  cancel(): void {
    if (this.cancelled) this.#abort.abort(new EngineError("cancelled"));
    this.cancelled = true;
    this.#halt();
  }

  /** Aborted by the second `cancel`. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  driver(type: string): Driver {
    return driverFor(this.#drivers, type);
  }

  /** Waits for a place, then makes the call. @throws Halted */
  call(call: Call): Promise<void> {
    const limit = call.activity === "read" ? this.#limitOfReads : this.#limit;
    return limit(async () => {
      if (this.stopped) throw new Halted();
      const running = this.#make(call);
      this.#running.add(running);
      try {
        await running;
      } finally {
        this.#running.delete(running);
      }
    });
  }

  /** Resolves when no driver is at work any more. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
  }

  async #make({ activity, record, state, work }: Call): Promise<void> {
    const step = ++this.#steps;
    const about = { step, activity, urn: record.urn };
    const begun = performance.now();
    let failed = false;
    this.report({ kind: "started", ...about });
    try {
      await work(this.driver(record.type), this.#context(activity, record, state));
    } catch (error) {
      failed = true;
      this.fail(`${nameOf(record.urn)} (${record.type}): ${messageOf(error)}`);
      throw new Halted();
    } finally {
      this.report({ kind: "finished", ...about, failed, seconds: (performance.now() - begun) / 1000 });
    }
  }

  #context(
    activity: Activity,
    { urn, type, provider, customTimeouts }: Call["record"],
    state: State,
  ): DriverContext {
    const limit = customTimeouts?.[activity];
    const timeout = limit === undefined ? {} : { timeoutMs: milliseconds(limit) };
    const signals = timeout.timeoutMs === undefined ? [] : [AbortSignal.timeout(timeout.timeoutMs)];
    const say = (severity: "info" | "warning", text: string): void =>
      this.report({ kind: "message", severity, text: `${nameOf(urn)}: ${text}` });
    return {
      urn,
      type,
      name: nameOf(urn),
      provider: knownOf(configurationOf(state, provider)),
      signal: AbortSignal.any([this.#abort.signal, ...signals]),
      ...timeout,
      log: (text) => say("info", text),
      warn: (text) => say("warning", text),
    };
  }
}

const UNITS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

/** A duration as in `customTimeouts`: `1h30m`, `45s`, `500ms`. */
function milliseconds(duration: string): number {
  const parts = [...duration.matchAll(/([\d.]+)(ms|h|m|s)/g)];
  if (parts.map(([part]) => part).join("") !== duration || parts.length === 0) {
    throw new EngineError(`customTimeouts: got "${duration}", want a duration such as "10m" or "1h30m"`);
  }
  return parts.reduce((sum, [, amount, unit = ""]) => sum + Number(amount) * (UNITS[unit] ?? 0), 0);
}
