/** A cloud in memory and its driver. Inputs whose name begins with `fixed` cannot be changed in place. */
import { changedKeys } from "../../../lab/engine/diff.ts";
import type { Driver, DriverContext, Existing, Properties } from "../../../lab/engine/driver.ts";

export class Cloud {
  /** What exists, by id. */
  readonly things = new Map<string, Properties>();
  /** Driver calls in order: `create a`; `done create a` when it has returned. */
  readonly log: string[] = [];
  /** Contexts of the calls, by `create a`. */
  readonly contexts = new Map<string, DriverContext>();
  /** Calls that fail, with their message. */
  readonly failures = new Map<string, string>();
  /** Calls that wait for something. */
  readonly waits = new Map<string, Promise<unknown>>();
  /** Types of diff in which the old one must go first. */
  deleteBeforeReplace = false;
  #count = 0;

  /** Calls that change something, in the order in which they began. */
  get acts(): readonly string[] {
    return this.log.filter((line) => /^(create|update|delete) /.test(line));
  }

  readonly driver: Driver = {
    check: (_type, news) => ({
      inputs: { ...news, checked: true },
      failures: news["size"] === -1 ? [{ property: "size", reason: "got -1, want 0 or more" }] : [],
    }),
    diff: (_type, old, news) => {
      const changed = changedKeys(old.inputs, news);
      const replace = changed.filter((key) => key.startsWith("fixed"));
      return { changed, replace, deleteBeforeReplace: this.deleteBeforeReplace };
    },
    create: async (context, inputs) => {
      await this.#call("create", context);
      this.#count += 1;
      const id = `${context.name}-${this.#count}`;
      const outputs = { name: context.name, ...inputs, token: `token of ${id}` };
      this.things.set(id, outputs);
      this.log.push(`done create ${context.name}`);
      return { id, outputs };
    },
    update: async (context, old, news) => {
      await this.#call("update", context);
      const outputs = { ...old.outputs, ...news };
      this.things.set(old.id, outputs);
      this.log.push(`done update ${context.name}`);
      return outputs;
    },
    read: async (context, old) => {
      await this.#call("read", context);
      return this.#existing(old.id);
    },
    find: async (context) => {
      await this.#call("find", context);
      const id = [...this.things].findLast(([, outputs]) => outputs["name"] === context.name)?.[0];
      return id === undefined ? undefined : this.#existing(id);
    },
    delete: async (context, old) => {
      await this.#call("delete", context);
      this.things.delete(old.id);
      this.log.push(`done delete ${context.name}`);
    },
    secretOutputs: () => ["key"],
  };

  async #call(activity: string, context: DriverContext): Promise<void> {
    const call = `${activity} ${context.name}`;
    this.log.push(call);
    this.contexts.set(call, context);
    await this.waits.get(call);
    const failure = this.failures.get(call);
    if (failure !== undefined) throw new Error(failure);
  }

  #existing(id: string): Existing | undefined {
    const outputs = this.things.get(id);
    return outputs === undefined ? undefined : { id, outputs };
  }
}
