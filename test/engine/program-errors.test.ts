/** What a person reads when the program itself fails. Real programs in child processes. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Stack } from "./support/stack.ts";

const TIMEOUT_MS = 30_000;
let stack: Stack;
beforeEach(() => {
  stack = new Stack();
});
afterEach(() => stack.remove());

describe("an error in the program", () => {
  const lab = "the lab's engine does not have that";
  it.each([
    ["run-error", "members: got 2, want an odd number"],
    ["resource-error", "a is not what it should be\n  (programs/broken.ts:10:37)"],
    ["config", /^Missing required configuration variable 'demo:nowhere'/],
    [
      "bug",
      /failed with an unhandled exception:\nTypeError: no such thing: \[secret\]\n {2}\(programs\/broken\.ts:12:/,
    ],
    ["exit", "The program failed with exit code 1."],
    ["rejected", "too small\n  (programs/broken.ts:14:63)"],
    ["get", `The program uses a \`get\` of an existing resource: ${lab}. Use the pulumi CLI.`],
    [
      "invoke",
      "The program calls the function test:index:getThing: the lab's engine has no functions. Use the pulumi CLI.",
    ],
    ["import", `b (test:index/thing:Thing) uses import: ${lab}. Use the pulumi CLI, or leave it out.`],
    ["transform", /The Pulumi CLI does not support transforms/],
  ])(
    "%s: shows its text, no stack, and touches nothing",
    async (how, message) => {
      const result = await stack.engine([], { program: "broken", config: { "demo:how": how } }).up();
      expect(result.errors[0]).toEqual(
        typeof message === "string" ? message : expect.stringMatching(message),
      );
      expect(result.errors.join("\n")).not.toMatch(/^\s+at /m);
      expect(result).toMatchObject({ exitCode: 1, phase: "update" });
      expect(stack.cloud.log).toEqual([]);
    },
    TIMEOUT_MS,
  );
});
