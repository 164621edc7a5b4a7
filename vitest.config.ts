import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/{unit,component,stack,golden}/**/*.test.ts"],
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: "lab",
          include: ["test/{engine,engine-parity,drivers,cloud,artifacts}/**/*.test.ts"],
          testTimeout: 60_000,
          globalSetup: "test/support/k3s-binary.ts",
        },
      },
      {
        test: {
          name: "e2e",
          include: ["test/{machines,host,e2e}/**/*.test.ts"],
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
