/** The API's actions: work that is answered at once as `running` and done afterwards. */
import type { ActionRecord } from "./records.ts";
import type { Store } from "./store.ts";

/** Work that gets an action. */
export interface Job {
  readonly command: string;
  /** What the action is about. Jobs of the same server are done one after the other. */
  readonly resources: ActionRecord["resources"];
  /** Brings the effect about. A rejection's message becomes the action's error. */
  readonly work?: () => Promise<void>;
  /** Takes back what the records already say, after a failure. */
  readonly undo?: () => void;
}

/** Firewalls may be changed while something else is done to their servers. */
const NOT_LOCKING = new Set(["apply_firewall", "remove_firewall"]);

/** Starts actions and sees them through. */
export class Actions {
  readonly #store: Store;
  readonly #log: (line: string) => void;
  /** The end of each server's queue; 0 for jobs without a server. */
  readonly #queues = new Map<number, Promise<void>>();

  /** What a previous process left running has an end now: nobody works on it any more. */
  constructor(store: Store, log: (line: string) => void) {
    this.#store = store;
    this.#log = log;
    for (const action of store.records.actions.filter(({ status }) => status === "running"))
      close(action, { code: "action_failed", message: "the lab was stopped before this action was done" });
  }

  /** Queues the job. The returned action is `running`. */
  start(job: Job): ActionRecord {
    const action: ActionRecord = {
      id: this.#store.nextId(),
      command: job.command,
      status: "running",
      progress: 0,
      started: new Date().toISOString(),
      finished: null,
      resources: job.resources,
      error: null,
    };
    this.#store.records.actions.push(action);
    this.enqueue(serverOf(action), () => this.#carryOut(action, job));
    return action;
  }

  /** Does work in a server's turn, without an action. */
  enqueue(server: number, work: () => Promise<void>): void {
    const before = this.#queues.get(server) ?? Promise.resolve();
    const done = before.then(work).catch((error: unknown) => this.#log(`cloud: ${messageOf(error)}`));
    this.#queues.set(server, done);
  }

  /** True while an action runs that keeps others from the server. */
  isLocked(server: number): boolean {
    return this.#store.records.actions.some(
      (action) =>
        action.status === "running" && serverOf(action) === server && !NOT_LOCKING.has(action.command),
    );
  }

  /** Resolves when all that has been started is done. */
  async settled(): Promise<void> {
    await Promise.all(this.#queues.values());
  }

  async #carryOut(action: ActionRecord, job: Job): Promise<void> {
    try {
      await job.work?.();
      close(action, null);
    } catch (error) {
      job.undo?.();
      close(action, { code: "action_failed", message: messageOf(error) });
    }
    this.#store.save();
  }
}

function close(action: ActionRecord, error: ActionRecord["error"]): void {
  action.status = error === null ? "success" : "error";
  action.progress = 100;
  action.finished = new Date().toISOString();
  action.error = error;
}

function serverOf(action: ActionRecord): number {
  return action.resources.find(({ type }) => type === "server")?.id ?? 0;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
