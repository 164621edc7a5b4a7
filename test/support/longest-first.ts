/** Files of tests in an order in which two workers end at the same time. */
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** They are short and import what takes minutes; by their size they would come last, with nothing beside them. */
const LONGEST = ["e2e/hosts.test.ts", "e2e/hosts-fail.test.ts"];

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const place = LONGEST.findIndex((name) => moduleId.endsWith(name));
      return place < 0 ? LONGEST.length : place;
    };
    // Stable: the others keep vitest's own order.
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}
