/** One pass of the program over the state: a preview on a scratch copy, or the real thing. */
import { randomUUID } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { changedKeys, describeChanges, ignoreChanges, topKey } from "./diff.ts";
import type { Driver, Properties } from "./driver.ts";
import { EngineError, messageOf } from "./errors.ts";
import type { Change, Operation } from "./events.ts";
import { type Goal, recordOf } from "./goal.ts";
import { checkInputs } from "./inputs.ts";
import { type Decision, type Dependent, type Drivers, decide, forcedDependents } from "./planner.ts";
import { configurationOf, defaultProviderGoal, type ProviderSource } from "./providers.ts";
import { markOutputs } from "./refresh.ts";
import { protectionError, removeAll } from "./removal.ts";
import { Halted, type Runner } from "./runner.ts";
import type { ResourceRecord, State } from "./state.ts";
import { isProviderType, nameOf, typeOf } from "./urn.ts";
import { plainProperties, UNKNOWN } from "./wire.ts";

export interface DeploymentOptions {
  readonly state: State;
  readonly runner: Runner;
  readonly source: ProviderSource;
  /** Decide and report only: no driver is called and nothing is saved. `state` must be a scratch copy. */
  readonly dryRun: boolean;
}

/** A resource on its way: its goal, and the inputs as the driver has checked them. */
interface Step {
  readonly goal: Goal;
  readonly driver: Driver;
  readonly inputs: Record<string, unknown>;
}

export class Deployment {
  /** In a preview what would happen, otherwise what has happened. */
  readonly changes: Change[] = [];
  /** Why this may not be carried out: protected resources that would go. */
  readonly refusals: string[] = [];
  readonly #options: DeploymentOptions;
  readonly #seen = new Set<string>();
  /** Dependents that were deleted to make way for the replacement of what they stand on. */
  readonly #displaced = new Map<string, Dependent>();
  /** URNs whose old resource this pass has put aside for deletion. */
  readonly #replaced = new Set<string>();
  readonly #providers = new Map<string, Promise<ResourceRecord>>();

  constructor(options: DeploymentOptions) {
    this.#options = options;
  }

  get dryRun(): boolean {
    return this.#options.dryRun;
  }

  /**
   * Takes one resource to its goal and answers its record; `id` is empty where only the deployment can tell.
   * @throws Halted when it failed or the run is being stopped; the reason has been reported
   */
  async register(goal: Goal): Promise<ResourceRecord> {
    try {
      return await this.#reach(goal);
    } catch (error) {
      if (!(error instanceof Halted)) {
        this.#options.runner.fail(`${nameOf(goal.urn)} (${goal.type}): ${messageOf(error)}`);
      }
      throw new Halted();
    }
  }

  /** The reference `<urn>::<id>` of a package's default provider, which is registered at first use. */
  async defaultProvider(type: string, version: string): Promise<string> {
    const goal = defaultProviderGoal(type, version, this.#options.source);
    const registered = this.#providers.get(goal.urn) ?? this.register(goal);
    this.#providers.set(goal.urn, registered);
    const { id } = await registered;
    return `${goal.urn}::${id === "" ? UNKNOWN : id}`;
  }

  /** Records the outputs of a component. */
  async registerOutputs(urn: string, outputs: Record<string, unknown>): Promise<void> {
    const { state, runner } = this.#options;
    const record = state.resources.get(urn);
    runner.redactor.learnSecrets(outputs);
    if (record !== undefined) await this.#put({ ...record, outputs });
  }

  /** The program has ended well: deletes what it no longer wants and what was replaced. @throws Halted */
  async finish(): Promise<void> {
    const { state, runner } = this.#options;
    const unwanted = [...state.resources.values()].filter(({ urn }) => !this.#seen.has(urn));
    for (const record of unwanted.filter(({ protect }) => protect)) this.#refuse(record, "deleted");
    if (runner.stopped) throw new Halted();
    const displaced = [...this.#displaced.values()].map(({ record }) => record);
    for (const record of displaced.filter(({ urn }) => !this.#seen.has(urn))) this.#noteDelete(record);
    const leftovers = [...state.condemned];
    try {
      await removeAll([...unwanted, ...leftovers], this.#options);
    } finally {
      for (const record of unwanted.filter(({ urn }) => !state.resources.has(urn))) this.#noteDelete(record);
      for (const record of leftovers.filter((each) => !state.condemned.includes(each))) {
        if (!this.#replaced.has(record.urn)) this.#noteDelete(record, "left by an interrupted replacement");
      }
    }
  }

  async #reach(goal: Goal): Promise<ResourceRecord> {
    const { state, runner } = this.#options;
    runner.redactor.learnSecrets(goal.inputs);
    if (this.#seen.has(goal.urn)) {
      throw new EngineError(
        `two resources have this type, parent and name (${goal.urn}); rename one of them`,
      );
    }
    this.#seen.add(goal.urn);
    const alias = goal.aliases.find((urn) => state.resources.has(urn) && !this.#seen.has(urn));
    if (!state.resources.has(goal.urn) && alias !== undefined) state.rename(alias, goal.urn);
    const old = state.resources.get(goal.urn);
    if (!goal.custom) return this.#keep(goal, { old, inputs: goal.inputs });
    const displaced = this.#displaced.get(goal.urn);
    const recorded = old ?? displaced?.record;
    const wanted = recorded
      ? ignoreChanges(goal.ignoreChanges ?? [], recorded.inputs, goal.inputs)
      : goal.inputs;
    const driver = runner.driver(goal.type);
    const step = { goal, driver, inputs: { ...checkInputs(driver, goal.type, wanted) } };
    runner.redactor.learnSecrets(step.inputs);
    if (old === undefined) return this.#createAnew(step, displaced);
    const decision = decide(goal, { old, inputs: step.inputs, drivers: this.#drivers() });
    if (decision.operation === "same") return this.#keep(goal, { old, inputs: step.inputs });
    if (decision.operation === "update") return this.#update(step, { old, decision });
    return this.#replace(step, { old, decision });
  }

  async #keep(
    goal: Goal,
    { old, inputs }: { readonly old: ResourceRecord | undefined; readonly inputs: Record<string, unknown> },
  ): Promise<ResourceRecord> {
    const outputs = old && goal.custom ? this.#mark({ ...goal, inputs }, old.outputs) : (old?.outputs ?? {});
    const record = recordOf(goal, { inputs, outputs, ...(old?.id === undefined ? {} : { id: old.id }) });
    this.#note(old === undefined ? "create" : "same", goal);
    return this.#put(record);
  }

  async #createAnew(step: Step, displaced: Dependent | undefined): Promise<ResourceRecord> {
    const record = await this.#create(step);
    if (displaced === undefined) this.#note("create", step.goal);
    else this.#noteReplace(step, { old: displaced.record, forcing: displaced.forcing });
    return record;
  }

  async #update(
    { goal, driver, inputs }: Step,
    { old, decision }: { readonly old: ResourceRecord; readonly decision: Decision },
  ): Promise<ResourceRecord> {
    const { state } = this.#options;
    const known = {
      id: old.id ?? "",
      inputs: plainProperties(old.inputs),
      outputs: plainProperties(old.outputs),
    };
    const properties = describeChanges(old.inputs, inputs, { keys: decision.changed });
    const reached = (outputs: Properties): ResourceRecord =>
      recordOf(goal, { inputs, id: known.id, outputs: this.#mark({ ...goal, inputs }, outputs) });
    if (this.dryRun || isProviderType(goal.type)) {
      const changed = Object.entries(plainProperties(inputs)).filter(([key]) =>
        decision.changed.includes(key),
      );
      const expected = { ...known.outputs, ...Object.fromEntries(changed) };
      await this.#put(reached(isProviderType(goal.type) ? inputs : expected));
    } else {
      await this.#options.runner.call({
        activity: "update",
        record: goal,
        state,
        work: async (_driver, context) => {
          const outputs = await driver.update?.(context, known, plainProperties(inputs));
          await this.#put(reached(outputs ?? known.outputs));
        },
      });
    }
    this.#note("update", goal, { properties, ...(decision.note ? { note: decision.note } : {}) });
    return this.#recorded(goal.urn);
  }

  async #replace(
    step: Step,
    { old, decision }: { readonly old: ResourceRecord; readonly decision: Decision },
  ): Promise<ResourceRecord> {
    const keys = decision.forcing.join(", ");
    if (step.goal.protect) this.#refuse(old, `replaced, because ${keys} can't be changed in place`);
    if (decision.deleteBeforeReplace) await this.#makeWay(old);
    // A new resource begins with what the program says now: ignoreChanges only protects an existing one.
    const fresh = { ...step, inputs: { ...checkInputs(step.driver, step.goal.type, step.goal.inputs) } };
    const record = await this.#create(fresh);
    this.#noteReplace(fresh, { old, forcing: decision.forcing });
    return record;
  }

  /** Deletes a resource, and first the dependents that can't outlive it. */
  async #makeWay(old: ResourceRecord): Promise<void> {
    const { state, runner } = this.#options;
    const candidates = [...state.resources.values()].filter(({ urn }) => !this.#seen.has(urn));
    const dependents = forcedDependents(old, candidates, this.#drivers());
    for (const { record } of dependents.filter((each) => each.record.protect)) {
      this.#refuse(record, `replaced, because ${nameOf(old.urn)} is deleted first`);
    }
    if (runner.stopped) throw new Halted();
    for (const dependent of dependents) this.#displaced.set(dependent.record.urn, dependent);
    await removeAll([...dependents.map(({ record }) => record), old], this.#options);
  }

  /** Creates a resource; an old one that is still there is put aside, to be deleted in the end. */
  async #create({ goal, driver, inputs }: Step): Promise<ResourceRecord> {
    const { state, runner } = this.#options;
    const done = async (id: string, outputs: Properties): Promise<void> => {
      const old = state.resources.get(goal.urn);
      if (old !== undefined) {
        state.condemned = [...state.condemned, { ...old, delete: true }];
        this.#replaced.add(goal.urn);
      }
      state.pending.delete(goal.urn);
      await this.#put(recordOf(goal, { inputs, id, outputs: this.#mark({ ...goal, inputs }, outputs) }));
    };
    if (this.dryRun || isProviderType(goal.type)) {
      await done(this.dryRun ? "" : randomUUID(), inputs);
      return this.#recorded(goal.urn);
    }
    const begun = recordOf(goal, { inputs, outputs: {} });
    await runner.call({
      activity: "create",
      record: begun,
      state,
      work: async (_driver, context) => {
        state.pending.set(goal.urn, begun);
        await state.save();
        const created = await driver.create(context, plainProperties(inputs));
        await done(created.id, created.outputs);
      },
    });
    return this.#recorded(goal.urn);
  }

  #drivers(): Drivers {
    const { state, runner } = this.#options;
    return {
      of: (type) => runner.driver(type),
      configuration: (provider) => configurationOf(state, provider),
    };
  }

  #mark(record: Pick<ResourceRecord, "type" | "inputs" | "additionalSecretOutputs">, outputs: Properties) {
    return markOutputs(outputs, { record, runner: this.#options.runner });
  }

  /** An equal record stays the old object, so that its secrets need not be encrypted again. */
  async #put(record: ResourceRecord): Promise<ResourceRecord> {
    const { state } = this.#options;
    const old = state.resources.get(record.urn);
    if (old !== undefined && isDeepStrictEqual(old, record)) return old;
    state.resources.set(record.urn, record);
    await state.save();
    return record;
  }

  #recorded(urn: string): ResourceRecord {
    const record = this.#options.state.resources.get(urn);
    if (record === undefined) throw new Error(`no record of ${urn}`);
    return record;
  }

  #refuse(record: ResourceRecord, what: string): void {
    const sentence = protectionError(record, what);
    if (this.dryRun) this.refusals.push(sentence);
    else this.#options.runner.fail(sentence);
  }

  #note(
    operation: Operation,
    { urn }: Pick<ResourceRecord, "urn">,
    { properties = [], note }: { readonly properties?: Change["properties"]; readonly note?: string } = {},
  ): void {
    const about = { operation, urn, type: typeOf(urn), name: nameOf(urn), properties };
    this.changes.push(note === undefined ? about : { ...about, note });
  }

  #noteDelete(record: ResourceRecord, reason?: string): void {
    const note = record.retainOnDelete ? "only its record: retainOnDelete" : reason;
    this.#note("delete", record, note === undefined ? {} : { note });
  }

  #noteReplace(
    { goal, inputs }: Step,
    { old, forcing }: { readonly old: ResourceRecord; readonly forcing: readonly string[] },
  ): void {
    const keys = [...new Set([...changedKeys(old.inputs, inputs), ...forcing.map(topKey)])];
    this.#note("replace", goal, {
      properties: describeChanges(old.inputs, inputs, { keys, replace: forcing }),
    });
  }
}
