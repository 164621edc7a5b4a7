/** Deleting resources: never a protected one, dependents first, the record dropped as soon as the thing is gone. */
import { dependentsFirst } from "./order.ts";
import type { Runner } from "./runner.ts";
import type { ResourceRecord, State } from "./state.ts";
import { isProviderType, nameOf } from "./urn.ts";
import { plainProperties } from "./wire.ts";

/** Deletes all of them. In a preview (`dryRun`) only the records of the scratch state go. @throws Halted */
export async function removeAll(
  victims: readonly ResourceRecord[],
  { state, runner, dryRun }: { readonly state: State; readonly runner: Runner; readonly dryRun: boolean },
): Promise<void> {
  const urns = new Set(victims.map(({ urn }) => urn));
  await dependentsFirst(victims, async (record) => {
    const diesWithAnother = record.deletedWith !== undefined && urns.has(record.deletedWith);
    const outside =
      record.custom && !isProviderType(record.type) && !record.retainOnDelete && !diesWithAnother;
    if (dryRun || !outside) return forget(record, state);
    await runner.call({
      activity: "delete",
      record,
      state,
      work: async (driver, context) => {
        await driver.delete?.(context, {
          id: record.id ?? "",
          inputs: plainProperties(record.inputs),
          outputs: plainProperties(record.outputs),
        });
        await forget(record, state);
      },
    });
  });
}

async function forget(record: ResourceRecord, state: State): Promise<void> {
  if (state.resources.get(record.urn) === record) state.resources.delete(record.urn);
  state.condemned = state.condemned.filter((each) => each !== record);
  await state.save();
}

/** One sentence per protected resource that a run would have to delete or replace. */
export function protectionError(record: Pick<ResourceRecord, "urn" | "type">, what: string): string {
  return (
    `${nameOf(record.urn)} (${record.type}) is protected and would be ${what}. ` +
    "Take `protect` out of the program and run `up` first, if that is really wanted."
  );
}
