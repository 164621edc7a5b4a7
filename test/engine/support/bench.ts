/** Passes over a state in memory, without a program: quick, and the same code that a real run goes through. */
import { Deployment } from "../../../lab/engine/deployment.ts";
import type { EngineEvent } from "../../../lab/engine/events.ts";
import { Redactor } from "../../../lab/engine/redact.ts";
import { readAll, settlePending } from "../../../lab/engine/refresh.ts";
import { Halted, Runner } from "../../../lab/engine/runner.ts";
import { State } from "../../../lab/engine/state.ts";
import { Cloud } from "./cloud.ts";
import { type Item, PROJECT, registerAll, STACK } from "./world.ts";

/** What a pass came to. */
export interface Pass {
  /** `create a`, `replace b` …; what stays the same is left out. */
  readonly changes: readonly string[];
  readonly deployment: Deployment;
  readonly errors: readonly string[];
}

export class Bench {
  readonly cloud = new Cloud();
  readonly state = new State();
  readonly events: EngineEvent[] = [];

  preview(items: readonly Item[]): Promise<Pass> {
    return this.#pass(this.state.scratch(), items, true);
  }

  async up(items: readonly Item[]): Promise<Pass> {
    this.cloud.log.length = 0;
    return this.#pass(this.state, items, false);
  }

  async refresh(): Promise<Awaited<ReturnType<typeof readAll>>> {
    const place = { state: this.state, runner: this.#runner() };
    await settlePending(place);
    return readAll(place);
  }

  #runner(): Runner {
    const reporter = (event: EngineEvent): void => void this.events.push(event);
    const redactor = new Redactor();
    return new Runner({ drivers: { test: this.cloud.driver }, parallel: 4, redactor, reporter });
  }

  async #pass(state: State, items: readonly Item[], dryRun: boolean): Promise<Pass> {
    const runner = this.#runner();
    const source = { project: PROJECT, stack: STACK, config: {}, secretKeys: [] };
    const deployment = new Deployment({ state, runner, source, dryRun });
    await registerAll(deployment, items).catch((error: unknown) => {
      if (!(error instanceof Halted)) throw error;
    });
    await runner.idle();
    const acting = deployment.changes.filter(({ operation }) => operation !== "same");
    return {
      changes: acting.map(({ operation, name }) => `${operation} ${name}`),
      deployment,
      errors: runner.errors,
    };
  }
}
