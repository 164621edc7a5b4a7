/** Reads objects in batches: starting kubectl costs more than the answer, and a refresh asks for everything. */
import { isObject } from "../../engine/wire.ts";
import { type Kubectl, KubectlError } from "./kubectl.ts";
import { idOf, type Manifest, manifestOf, type Reference } from "./manifest.ts";

const GATHER_MS = 20;

/** Options of a read. */
interface Options {
  /** `managedFields`, which say who owns what. @default false */
  readonly managers?: boolean;
  readonly patienceMs?: number;
}

/** One object, or undefined when it, its namespace or its kind does not exist. @throws KubectlError */
export async function readOne(
  kubectl: Kubectl,
  reference: Reference,
  { managers = false, patienceMs }: Options = {},
): Promise<Manifest | undefined> {
  const found = await readAll(kubectl, [reference], { managers, ...(patienceMs ? { patienceMs } : {}) });
  return found[0];
}

async function readAll(
  kubectl: Kubectl,
  references: readonly Reference[],
  { managers = false, patienceMs }: Options,
): Promise<readonly Manifest[]> {
  const stdin = references.map((each) => JSON.stringify(each)).join("\n");
  const show = managers ? ["--show-managed-fields"] : [];
  try {
    const args = ["get", "--filename=-", "--ignore-not-found", ...show];
    const answer = await kubectl.json(args, { stdin, ...(patienceMs ? { patienceMs } : {}) });
    if (answer === undefined) return [];
    const items = isObject(answer) && answer["kind"] === "List" ? answer["items"] : [answer];
    return Array.isArray(items) ? items.map(manifestOf) : [];
  } catch (error) {
    if (!(error instanceof KubectlError) || error.reason !== "unknown") throw error;
    if (references.length === 1) return [];
    const each = references.map((one) =>
      readAll(kubectl, [one], { managers, ...(patienceMs ? { patienceMs } : {}) }),
    );
    return (await Promise.all(each)).flat();
  }
}

interface Batch {
  readonly references: Reference[];
  readonly answer: Promise<readonly Manifest[]>;
}

/** Gathers reads of one cluster that come at the same time. */
export class Reader {
  readonly #batches = new Map<string, Batch>();

  async read(kubectl: Kubectl, reference: Reference): Promise<Manifest | undefined> {
    const key = JSON.stringify(kubectl.connection);
    const batch = this.#batches.get(key) ?? this.#begin(key, kubectl);
    batch.references.push(reference);
    const found = await batch.answer;
    return found.find(
      (each) =>
        each.apiVersion === reference.apiVersion &&
        each.kind === reference.kind &&
        idOf(each) === idOf(reference),
    );
  }

  #begin(key: string, kubectl: Kubectl): Batch {
    const references: Reference[] = [];
    const answer = new Promise<void>((resolve) => setTimeout(resolve, GATHER_MS)).then(() => {
      this.#batches.delete(key);
      return readAll(kubectl, references, { patienceMs: kubectl.timing.readPatienceMs });
    });
    const batch = { references, answer };
    this.#batches.set(key, batch);
    return batch;
  }
}
