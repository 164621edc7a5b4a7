/** Brings the records up to what is really there, and settles what interrupted creates have left. */
import { isDeepStrictEqual } from "node:util";
import { changedKeys, describeChanges } from "./diff.ts";
import type { Existing, Properties } from "./driver.ts";
import type { Drift } from "./events.ts";
import type { Runner } from "./runner.ts";
import type { ResourceRecord, State } from "./state.ts";
import { nameOf } from "./urn.ts";
import { copySecretMarks, markSecret, plainProperties } from "./wire.ts";

/** State and runner of the work at hand. */
export interface Workplace {
  readonly state: State;
  readonly runner: Runner;
}

/** Outputs with everything marked that must be secret: by the inputs, the program's options, the driver, or before. */
export function markOutputs(
  outputs: Properties,
  {
    record,
    runner,
    before = {},
  }: {
    readonly record: Pick<ResourceRecord, "type" | "inputs" | "additionalSecretOutputs">;
    readonly runner: Runner;
    readonly before?: Properties;
  },
): Record<string, unknown> {
  const names = [
    ...(record.additionalSecretOutputs ?? []),
    ...(runner.driver(record.type).secretOutputs?.(record.type) ?? []),
  ];
  const marked = markSecret(copySecretMarks(copySecretMarks(outputs, record.inputs), before), names);
  runner.redactor.learnSecrets(marked);
  return { ...marked };
}

/**
 * Looks for what interrupted creates have left: adopted when the driver finds it, otherwise forgotten, so that it
 * is created again.
 * @throws Halted
 */
export async function settlePending({ state, runner }: Workplace): Promise<void> {
  const settle = async (pending: ResourceRecord): Promise<void> => {
    if (runner.driver(pending.type).find === undefined) return drop(pending.urn, state);
    await runner.call({
      activity: "find",
      record: pending,
      state,
      work: async (driver, context) => {
        const found = await driver.find?.(context, plainProperties(pending.inputs));
        const old = state.resources.get(pending.urn);
        if (found !== undefined && found.id !== old?.id) adopt({ pending, found, old }, { state, runner });
        await drop(pending.urn, state);
      },
    });
  };
  await all([...state.pending.values()].map(settle));
}

async function drop(urn: string, state: State): Promise<void> {
  state.pending.delete(urn);
  await state.save();
}

/** The record that was there before was being replaced: now it is, and waits for its deletion. */
function adopt(
  { pending, found, old }: { pending: ResourceRecord; found: Existing; old: ResourceRecord | undefined },
  { state, runner }: Workplace,
): void {
  if (old !== undefined) state.condemned = [...state.condemned, { ...old, delete: true }];
  const outputs = markOutputs(found.outputs, { record: pending, runner });
  state.resources.set(pending.urn, { ...pending, id: found.id, outputs });
  const text = `${nameOf(pending.urn)} (${pending.type}): found what an interrupted run has created (id ${found.id}).`;
  runner.report({ kind: "message", severity: "info", text });
}

/** Reads every resource whose driver can. Answers what differs from the records, which follow it. @throws Halted */
export async function readAll({ state, runner }: Workplace): Promise<readonly Drift[]> {
  const drift: Drift[] = [];
  const read = async (record: ResourceRecord): Promise<void> => {
    await runner.call({
      activity: "read",
      record,
      state,
      work: async (driver, context) => {
        const old = plainProperties(record.outputs);
        const inputs = plainProperties(record.inputs);
        const real = await driver.read?.(context, { id: record.id ?? "", inputs, outputs: old });
        const difference = real === undefined ? gone(record) : follow(record, real, { state, runner });
        if (real === undefined) state.resources.delete(record.urn);
        if (difference === undefined) return;
        drift.push(difference);
        await state.save();
      },
    });
  };
  const readable = [...state.resources.values()].filter(
    ({ custom, type }) => custom && runner.driver(type).read,
  );
  await all(readable.map(read));
  return drift.sort((a, b) => a.urn.localeCompare(b.urn));
}

function gone({ urn, type }: ResourceRecord): Drift {
  return { urn, type, name: nameOf(urn), gone: true, properties: [] };
}

function follow(
  record: ResourceRecord,
  real: Existing & { readonly inputs?: Properties },
  { state, runner }: Workplace,
): Drift | undefined {
  const inputs = { ...copySecretMarks(real.inputs ?? record.inputs, record.inputs) };
  const outputs = markOutputs(real.outputs, {
    record: { ...record, inputs },
    runner,
    before: record.outputs,
  });
  const next = { ...record, id: real.id, inputs, outputs };
  if (isDeepStrictEqual(next, record)) return undefined;
  state.resources.set(record.urn, next);
  const keysOfInputs = changedKeys(record.inputs, inputs);
  const driver = runner.driver(record.type);
  const silent = driver.backReferences?.(record.type) ?? [];
  const outputKeys = driver.driftsByInputs ? [] : changedKeys(record.outputs, outputs);
  const keysOfOutputs = outputKeys.filter((key) => !keysOfInputs.includes(key) && !silent.includes(key));
  if (keysOfInputs.length + keysOfOutputs.length === 0) return undefined;
  const properties = [
    ...describeChanges(record.inputs, inputs, { keys: keysOfInputs }),
    ...describeChanges(record.outputs, outputs, { keys: keysOfOutputs }),
  ];
  return { urn: record.urn, type: record.type, name: nameOf(record.urn), gone: false, properties };
}

async function all(work: readonly Promise<void>[]): Promise<void> {
  const failure = (await Promise.allSettled(work)).find((result) => result.status === "rejected");
  if (failure !== undefined) throw failure.reason;
}
