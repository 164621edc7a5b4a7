/** The driver's check of a resource's inputs. */
import { isDeepStrictEqual } from "node:util";
import type { Driver, Properties } from "./driver.ts";
import { EngineError } from "./errors.ts";
import { copySecretMarks, hasUnknown, markSecret, plainProperties } from "./wire.ts";

/**
 * Inputs as the driver completes them, secret marks kept. Properties with unknown parts are left out of what the
 * driver sees, and a complaint that this may have caused does not count.
 * @throws EngineError naming each rejected property
 */
export function checkInputs(driver: Driver, type: string, inputs: Properties): Properties {
  const unknown = Object.fromEntries(Object.entries(inputs).filter(([, value]) => hasUnknown(value)));
  const known = plainProperties(
    Object.fromEntries(Object.entries(inputs).filter(([key]) => !(key in unknown))),
  );
  const incomplete = Object.keys(unknown).length > 0;
  const checked = check(driver, type, { known, incomplete });
  const failures = checked.failures.filter(({ property }) => !((property.split(/[.[]/)[0] ?? "") in unknown));
  if (failures.length > 0) {
    const list = failures.map(({ property, reason }) => `\n  ${property}: ${reason}`).join("");
    throw new EngineError(
      failures.length === 1 ? `wrong input:${list}` : `${failures.length} wrong inputs:${list}`,
    );
  }
  const marked = Object.entries(checked.inputs).map(([key, value]): [string, unknown] => {
    const original = inputs[key];
    const untouched = isDeepStrictEqual(known[key], value);
    return [key, untouched ? original : copySecretMarks({ [key]: value }, { [key]: original })[key]];
  });
  return markSecret({ ...Object.fromEntries(marked), ...unknown }, driver.secretInputs?.(type) ?? []);
}

function check(
  driver: Driver,
  type: string,
  { known, incomplete }: { readonly known: Properties; readonly incomplete: boolean },
): ReturnType<NonNullable<Driver["check"]>> {
  const unchecked = { inputs: known, failures: [] };
  try {
    return driver.check?.(type, known) ?? unchecked;
  } catch (error) {
    if (incomplete) return unchecked;
    throw error;
  }
}
