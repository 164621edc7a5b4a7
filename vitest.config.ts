import { defineConfig } from "vitest/config";
import { LongestFirst } from "./test/support/longest-first.ts";

/** Labs whose clients are timed: they have the machine to themselves. */
const TIMED = ["test/e2e/applications.test.ts", "test/e2e/failures.test.ts"];
/** The same, and half an hour of rolls and rebuilds: `make test-changes`. */
const CHANGES = ["test/e2e/changes.test.ts", "test/e2e/hosts-lost.test.ts"];

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/{unit,component,stack,golden}/**/*.test.ts"],
          testTimeout: 30_000,
          // Without an order of its own a project with one worker comes last.
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: "lab",
          include: ["test/{engine,engine-parity,drivers,cloud,artifacts,postgres,supabase}/**/*.test.ts"],
          testTimeout: 60_000,
          sequence: { groupOrder: 3 },
          globalSetup: [
            "test/support/k3s-binary.ts",
            "test/support/database-images.ts",
            "test/support/versitygw.ts",
          ],
        },
      },
      {
        test: {
          name: "hosts",
          include: ["test/{machines,host,e2e}/**/*.test.ts"],
          exclude: [...TIMED, ...CHANGES],
          testTimeout: 600_000,
          hookTimeout: 1_200_000,
          // Labs never meet, and mostly wait: two at a time.
          maxWorkers: 2,
          sequence: { groupOrder: 2 },
          globalSetup: "test/support/machine-image.ts",
        },
      },
      {
        test: {
          name: "kubernetes",
          include: TIMED,
          testTimeout: 600_000,
          hookTimeout: 1_200_000,
          fileParallelism: false,
          sequence: { groupOrder: 4 },
          globalSetup: "test/support/machine-image.ts",
        },
      },
      {
        test: {
          name: "changes",
          include: CHANGES,
          testTimeout: 600_000,
          hookTimeout: 1_200_000,
          fileParallelism: false,
          globalSetup: "test/support/machine-image.ts",
        },
      },
    ],
    coverage: {
      provider: "v8",
      include: [
        "plan/**",
        "lib/**",
        "config/{schema,parse}.ts",
        "components/**/render.ts",
        "components/host/bundle.ts",
      ],
      thresholds: { branches: 95 },
    },
  },
});
