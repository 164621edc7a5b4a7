/** What the program exported when it ran last. Without the rest of the engine: commands that only read it start sooner. */
import { openRecord, type StateOptions } from "./state.ts";
import { STACK_TYPE } from "./urn.ts";
import { plainProperties, presentable } from "./wire.ts";

/**
 * By name; `[secret]` stands for secrets. Empty before the first run.
 * @throws EngineError when the state cannot be read
 */
export function readOutputs(
  state: StateOptions,
  { showSecrets = false }: { readonly showSecrets?: boolean } = {},
): Readonly<Record<string, unknown>> {
  const outputs = openRecord(state, STACK_TYPE)?.outputs ?? {};
  const shown = showSecrets ? plainProperties(outputs) : presentable(outputs);
  return shown as Readonly<Record<string, unknown>>;
}
