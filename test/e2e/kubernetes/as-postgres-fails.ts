/**
 * Every fault of Postgres once, while clients write by every way: no acknowledged row is lost, never two primaries, nobody waits
 * longer than promised, and three members are on one timeline again without help. Where nodes fail, clients of the Kubernetes API are
 * measured, too. `make faults LAYER=postgres N=5` is the same, more often.
 */
import { beforeAll, describe, it } from "vitest";
import { POSTGRES_FAULTS } from "../../../lab/faults/postgres/faults.ts";
import {
  delaysOf,
  harmOf,
  type PostgresRun,
  renderPostgresRun,
} from "../../../lab/faults/postgres/report.ts";
import { FaultRuns, SLACK } from "../support/fault-runs.ts";
import { untilWell } from "../support/postgres.ts";
import { lab } from "./stack.ts";

const ALL_FAULTS_MS = 2_400_000;

describe("clients of Postgres", () => {
  const runs = new FaultRuns<PostgresRun>({
    layer: "postgres",
    harmOf,
    delaysOf: (run) => delaysOf(run, SLACK),
    render: renderPostgresRun,
  });

  beforeAll(async () => {
    await untilWell(lab);
    await runs.measure(
      lab,
      POSTGRES_FAULTS.map(({ name }) => name),
    );
  }, ALL_FAULTS_MS);

  it.each(POSTGRES_FAULTS.map(({ name, text }) => [text, name] as const))(
    "lose nothing that was acknowledged when %s",
    (_, name) => runs.expectPromises(lab, name),
  );
});
