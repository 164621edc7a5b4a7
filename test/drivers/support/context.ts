/** A driver's context as the engine would give it, with the log kept for assertions. */
import type { DriverContext, Properties } from "../../../lab/engine/driver.ts";

export interface TestContext extends DriverContext {
  readonly lines: string[];
  readonly abort: AbortController;
}

export function contextFor(type: string, provider: Properties = {}): TestContext {
  const abort = new AbortController();
  const lines: string[] = [];
  const name = "thing";
  return {
    urn: `urn:pulumi:lab::gardenos::${type}::${name}`,
    type,
    name,
    provider,
    signal: abort.signal,
    abort,
    lines,
    log: (line) => lines.push(line),
    warn: (line) => lines.push(`warning: ${line}`),
  };
}
