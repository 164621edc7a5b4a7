/** The records in memory, and their file. */
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { ApiError, notFound } from "./errors.ts";
import { type Collection, type Records, SINGULAR, records as schema } from "./records.ts";

/** Finished actions kept for late questions about them. */
const FINISHED_ACTIONS_KEPT = 200;

/** One cloud's records. Changes are made in place; {@link Store.save} makes them last. */
export class Store {
  readonly #file: string;
  readonly records: Records;

  /**
   * Reads the file, or begins empty when there is none.
   * @throws Error when the file holds something else
   */
  constructor(file: string) {
    this.#file = file;
    this.records = existsSync(file) ? read(file) : empty();
  }

  /** Writes all records: after each change, before it is answered. The file is always whole, and the owner's alone. */
  save(): void {
    const finished = this.records.actions.filter((action) => action.status !== "running");
    const old = new Set(finished.slice(0, -FINISHED_ACTIONS_KEPT));
    this.records.actions = this.records.actions.filter((action) => !old.has(action));
    const draft = `${this.#file}.new`;
    writeFileSync(draft, JSON.stringify(this.records, undefined, 2), { mode: 0o600 });
    renameSync(draft, this.#file);
  }

  /** Never the same twice, also across kinds. */
  nextId(): number {
    return this.records.next_id++;
  }

  /** @throws ApiError 404 */
  get<K extends Collection>(collection: K, id: number | string): Records[K][number] {
    const all: readonly Records[K][number][] = this.records[collection];
    const found = all.find((one) => one.id === Number(id));
    if (found === undefined) throw notFound(SINGULAR[collection], id);
    return found;
  }

  /** What all new named resources have. @throws ApiError 409 when the name is taken */
  named(collection: Collection, { name, labels }: NamedInput) {
    this.refuseTaken(collection, name);
    return { id: this.nextId(), name, labels: labels ?? {}, created: new Date().toISOString() };
  }

  /** Changes name and labels, where given. @throws ApiError 409 when the name is taken */
  rename(collection: Collection, id: number | string, change: Rename): void {
    const one = this.get(collection, id);
    if (change.name !== undefined) this.refuseTaken(collection, change.name, one.id);
    one.name = change.name ?? one.name;
    one.labels = change.labels ?? one.labels;
  }

  remove(collection: Collection, id: number): void {
    const list: { readonly id: number }[] = this.records[collection];
    const index = list.findIndex((one) => one.id === id);
    if (index >= 0) list.splice(index, 1);
  }

  /** Names are unique within their kind. @throws ApiError 409 */
  refuseTaken(collection: Collection, name: string, except?: number): void {
    const taken = this.records[collection].some((one) => one.name === name && one.id !== except);
    if (taken) throw new ApiError(409, "uniqueness_error", `${SINGULAR[collection]} name is already used`);
  }
}

/** A change of what everything with a name has. */
export interface Rename {
  readonly name?: string | undefined;
  readonly labels?: Record<string, string> | null | undefined;
}

interface NamedInput extends Rename {
  readonly name: string;
}

/**
 * Ids begin at the time of day, so that a cloud made anew does not give out the ids of the one before it: a client
 * that remembers those must find nothing, not something else.
 */
function empty(): Records {
  const next_id = 100_000 + (Math.floor(Date.now() / 1000) % 900_000);
  return {
    next_id,
    ssh_keys: [],
    networks: [],
    firewalls: [],
    placement_groups: [],
    servers: [],
    load_balancers: [],
    zones: [],
    actions: [],
  };
}

function read(file: string): Records {
  try {
    return schema.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch (error) {
    const fix = "remove it to begin with an empty cloud";
    throw new Error(`${file}: wanted the records of the lab's cloud, got something else; ${fix}`, {
      cause: error,
    });
  }
}
