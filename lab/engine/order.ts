/** Which resources stand on which, by the records of the state. */
import type { ResourceRecord } from "./state.ts";
import { providerUrn } from "./urn.ts";

/** URNs of everything that must exist as long as this resource does. */
function foundationsOf(record: ResourceRecord): readonly string[] {
  const single = [record.parent, record.provider && providerUrn(record.provider), record.deletedWith];
  const lists = [record.dependencies, ...Object.values(record.propertyDependencies)];
  return [...single.filter((urn) => urn !== undefined), ...lists.flat()];
}

/**
 * Visits records in parallel, each one only after everything that stands on it. A failed visit keeps what it
 * stands on from being visited; the first failure is thrown when all has come to rest.
 */
export async function dependentsFirst(
  records: readonly ResourceRecord[],
  visit: (record: ResourceRecord) => Promise<void>,
): Promise<void> {
  const dependents = new Map<string, ResourceRecord[]>();
  for (const record of records) {
    for (const urn of foundationsOf(record)) dependents.set(urn, [...(dependents.get(urn) ?? []), record]);
  }
  const visits = new Map<ResourceRecord, Promise<void>>();
  const begin = (record: ResourceRecord, path: ReadonlySet<ResourceRecord>): Promise<void> => {
    const begun = visits.get(record);
    if (begun !== undefined) return begun;
    const below = new Set([...path, record]);
    const first = (dependents.get(record.urn) ?? []).filter((each) => !below.has(each));
    const done = Promise.all(first.map((each) => begin(each, below))).then(() => visit(record));
    visits.set(record, done);
    return done;
  };
  const results = await Promise.allSettled(records.map((record) => begin(record, new Set())));
  const failure = results.find((result) => result.status === "rejected");
  if (failure !== undefined) throw failure.reason;
}
