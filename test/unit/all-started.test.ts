import { expect, it } from "vitest";
import { allStarted } from "../../lib/all-started.ts";

it("what started is stopped when another one does not start", async () => {
  const stopped: string[] = [];
  const stop = async (one: string) => void stopped.push(one);
  expect(await allStarted([Promise.resolve("a"), Promise.resolve("b")], stop)).toEqual(["a", "b"]);
  expect(stopped).toEqual([]);
  const starting = [Promise.resolve("a"), Promise.reject(new Error("no answer")), Promise.resolve("c")];
  await expect(allStarted(starting, stop)).rejects.toThrow("no answer");
  expect(stopped).toEqual(["a", "c"]);
});
