/**
 * Every fault of Postgres once, while clients write by every way: no acknowledged row is lost, never two primaries, nobody waits
 * longer than promised, and three members are on one timeline again without help. `make faults LAYER=postgres N=5` is the same, more
 * often.
 */
import { beforeAll, describe, expect, it, vi } from "vitest";
import { POSTGRES_FAULTS } from "../../../lab/faults/postgres/faults.ts";
import {
  delaysOf,
  harmOf,
  type PostgresRun,
  renderPostgresRun,
} from "../../../lab/faults/postgres/report.ts";
import { expectPromises } from "../support/fault-runs.ts";
import { lab } from "./stack.ts";

describe("clients of Postgres", () => {
  // What the tests before did may still be settling. Each fault ends with a cluster that is well.
  beforeAll(async () => {
    const well = async () => {
      const { code, all } = await lab.lab("status");
      expect(code, all).toBe(0);
    };
    await vi.waitFor(well, { timeout: 180_000, interval: 2000 });
  });

  it.each(POSTGRES_FAULTS.map(({ name, text }) => [text, name] as const))(
    "lose nothing that was acknowledged when %s",
    (_, name) =>
      expectPromises<PostgresRun>(lab, name, {
        layer: "postgres",
        harmOf,
        delaysOf,
        render: renderPostgresRun,
      }),
  );
});
