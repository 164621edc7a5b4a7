/** How often what was asked, so that a test can prove that a run wrote nothing. */

/** One kind of call. */
export interface RequestCount {
  readonly method: string;
  /** Path below /v1, ids replaced: `/servers/{id}`. */
  readonly path: string;
  readonly count: number;
}

/** Counts from the start of the process. */
export class RequestLog {
  readonly #counts = new Map<string, RequestCount>();

  add(method: string, path: string): void {
    const template = path.replace(/\/\d+(?=\/|$)/g, "/{id}");
    const key = `${method} ${template}`;
    const count = (this.#counts.get(key)?.count ?? 0) + 1;
    this.#counts.set(key, { method, path: template, count });
  }

  get all(): readonly RequestCount[] {
    return [...this.#counts.values()];
  }
}
