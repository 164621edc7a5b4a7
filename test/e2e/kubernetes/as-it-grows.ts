/** The lab begins with one member of Postgres; all that follows has three. */
import { describe, expect, it } from "vitest";
import { KEPT, keepRow, readKept, rolesIn, WELL } from "../support/postgres.ts";
import { mustUp } from "../support/up.ts";
import { lab } from "./stack.ts";

describe("one member of Postgres", () => {
  it("becomes three, and keeps its rows", async () => {
    expect(rolesIn(await lab.status())).toEqual({ leader: 1 });
    await keepRow(lab);
    lab.configure(["gardenos:postgres", "instances"], 3);
    await mustUp(lab);
    expect(rolesIn(await lab.status())).toEqual(WELL);
    expect(await readKept(lab)).toEqual(KEPT);
  });
});
