/** Reads objects in batches: starting kubectl costs more than the answer, and a refresh asks for everything. */
import { isObject } from "../../engine/wire.ts";
import { type Kubectl, KubectlError } from "./kubectl.ts";
import { idOf, type Manifest, manifestOf, type Reference } from "./manifest.ts";

const GATHER_MS = 20;

/** One object, or undefined when it, its namespace or its kind does not exist. @throws KubectlError */
export async function readOne(
  kubectl: Kubectl,
  reference: Reference,
  patienceMs?: number,
): Promise<Manifest | undefined> {
  return (await readAll(kubectl, [reference], patienceMs))[0];
}

async function readAll(
  kubectl: Kubectl,
  references: readonly Reference[],
  patienceMs: number | undefined,
): Promise<readonly Manifest[]> {
  const stdin = references.map((each) => JSON.stringify(each)).join("\n");
  const patience = patienceMs === undefined ? {} : { patienceMs };
  try {
    const args = ["get", "--filename=-", "--ignore-not-found", "--show-managed-fields"];
    const answer = await kubectl.json(args, { stdin, ...patience });
    if (answer === undefined) return [];
    const items = isObject(answer) && answer["kind"] === "List" ? answer["items"] : [answer];
    return Array.isArray(items) ? items.map(manifestOf) : [];
  } catch (error) {
    if (!(error instanceof KubectlError) || error.reason !== "unknown") throw error;
    if (references.length === 1) return [];
    const half = Math.ceil(references.length / 2);
    const halves = [references.slice(0, half), references.slice(half)];
    return (await Promise.all(halves.map((each) => readAll(kubectl, each, patienceMs)))).flat();
  }
}

interface Batch {
  readonly references: Reference[];
  readonly answer: Promise<readonly Manifest[]>;
}

/** Gathers reads of one cluster that come at the same time. */
export class Reader {
  readonly #batches = new Map<string, Batch>();

  /** As {@link readOne}. */
  async read(kubectl: Kubectl, reference: Reference, patienceMs?: number): Promise<Manifest | undefined> {
    // Which of several namespaces is meant, only the server can tell.
    if (reference.metadata.namespace === undefined) return readOne(kubectl, reference, patienceMs);
    const key = JSON.stringify([kubectl.connection, patienceMs]);
    const batch = this.#batches.get(key) ?? this.#begin(key, kubectl, patienceMs);
    batch.references.push(reference);
    try {
      return (await batch.answer).find(
        (each) =>
          each.apiVersion === reference.apiVersion &&
          each.kind === reference.kind &&
          idOf(each) === idOf(reference),
      );
    } catch (error) {
      // The time of the call that began the batch was up, and not ours.
      if (error instanceof KubectlError || kubectl.signal.aborted) throw error;
      return readOne(kubectl, reference, patienceMs);
    }
  }

  #begin(key: string, kubectl: Kubectl, patienceMs: number | undefined): Batch {
    const references: Reference[] = [];
    const answer = new Promise<void>((resolve) => setTimeout(resolve, GATHER_MS)).then(() => {
      this.#batches.delete(key);
      return readAll(kubectl, references, patienceMs);
    });
    const batch = { references, answer };
    this.#batches.set(key, batch);
    return batch;
  }
}
