/** The order of faults: nothing that was measured is lost, whatever goes wrong afterwards. */
import { describe, expect, it } from "vitest";
import { type Rounds, runRounds } from "../../lab/faults/rounds.ts";

function rounds(own: Partial<Rounds<string, string>> = {}, abort = new AbortController()) {
  const said: string[] = [];
  const options = {
    ...{ faults: ["a", "b"], runs: 2, seed: "7", signal: abort.signal },
    say: (line: string) => void said.push(line),
  };
  const once = async (fault: string, round: number, isFirst: boolean) =>
    `${fault}${round}${isFirst ? " first" : ""}`;
  return { said, result: runRounds(options, { once, recovered: () => true, ...own }) };
}

describe("faults", () => {
  it("come in turns, and each round puts back what it has changed", async () => {
    let times = 0;
    const putBack = async () => void times++;
    const { said, result } = rounds({ putBack });
    expect(await result).toEqual(["a0 first", "b0", "a1", "b1"]);
    expect([said, times]).toEqual([["seed 7"], 2]);
  });

  it("end with what was measured when one fails, and when the cluster stays broken", async () => {
    const once = async (fault: string) => {
      if (fault === "b") throw new Error("nobody answers");
      return fault;
    };
    const failed = rounds({ once });
    expect(await failed.result).toEqual(["a"]);
    expect(failed.said).toEqual(["seed 7", "ended early: nobody answers"]);
    const broken = rounds({ recovered: (run) => run !== "b0" });
    expect(await broken.result).toEqual(["a0 first", "b0"]);
    expect(broken.said).toEqual(["seed 7", "ended early: the cluster did not recover"]);
  });

  it("fail with the first one's reason when there is nothing to show", async () => {
    const { result } = rounds({ once: () => Promise.reject(new Error("the cluster is not well")) });
    await expect(result).rejects.toThrow("the cluster is not well");
  });

  it("tell what could not be put back, and go on", async () => {
    const { said, result } = rounds({ putBack: () => Promise.reject(new Error("no API")) });
    expect(await result).toHaveLength(4);
    expect(said.slice(1)).toEqual(
      Array.from({ length: 2 }, () => "not all was put back, `make up` does it: no API"),
    );
  });

  it("begin no other one after an interrupt", async () => {
    const abort = new AbortController();
    const once = async (fault: string) => {
      abort.abort();
      return fault;
    };
    const { said, result } = rounds({ once }, abort);
    expect(await result).toEqual(["a"]);
    expect(said.at(-1)).toBe("ended early: This operation was aborted");
  });
});
