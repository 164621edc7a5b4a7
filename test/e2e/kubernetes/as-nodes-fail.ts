/**
 * Faults of nodes that are none of Postgres, once each, while clients call the Kubernetes API: nobody waits longer than promised, and the
 * node comes back without help. The others are measured while Postgres fails. `make faults N=10` is all of them, more often.
 */
import { beforeAll, describe, it } from "vitest";
import { FAULTS } from "../../../lab/faults/faults.ts";
import { POSTGRES_FAULTS } from "../../../lab/faults/postgres/faults.ts";
import { delaysOf, type FaultRun, harmOf, renderRun } from "../../../lab/faults/report.ts";
import { FaultRuns, SLACK } from "../support/fault-runs.ts";
import { untilWell } from "../support/postgres.ts";
import { lab } from "./stack.ts";

const measuredElsewhere = new Set(POSTGRES_FAULTS.map(({ ofNodes }) => ofNodes?.fault.name));
const own = FAULTS.filter(({ name }) => !measuredElsewhere.has(name));

describe("clients of the Kubernetes API", () => {
  const runs = new FaultRuns<FaultRun>({
    ...{ layer: "api", harmOf, render: renderRun },
    delaysOf: (run) => delaysOf(run, SLACK.gapMs),
  });

  beforeAll(async () => {
    await untilWell(lab);
    await runs.measure(
      lab,
      own.map(({ name }) => name),
    );
  });

  it.each(own.map(({ name, text }) => [text, name] as const))(
    "see no more than promised when %s",
    (_, name) => runs.expectPromises(lab, name),
  );
});
