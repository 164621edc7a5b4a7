import { describe, expect, it } from "vitest";
import { configuredStorage } from "../../lab/settings.ts";

describe("the lab's own object storage", () => {
  it("is what the lab's stack names", () => {
    expect(configuredStorage({ stack: "lab" }, "full")).toEqual({ bucket: "files", region: "lab" });
  });

  it.each(["hosts", "kubernetes"] as const)("is not built for the profile %s", (profile) => {
    expect(configuredStorage({ stack: "lab" }, profile)).toBeUndefined();
  });

  it.each(["dev", "prod"])("is not what %s names", (stack) => {
    expect(configuredStorage({ stack }, "full")).toBeUndefined();
  });
});
