/** `test-summary.ts REPORT…`: time and counts per suite of vitest's JSON reports, skipped tests with their reason. */
import { readFileSync } from "node:fs";
import { relative, sep } from "node:path";
import Table from "cli-table3";
import { z } from "zod";
import { repositoryPath } from "../lib/repository-file.ts";

const reportSchema = z.object({
  testResults: z.array(
    z.object({
      name: z.string(),
      startTime: z.number(),
      endTime: z.number(),
      message: z.string().optional(),
      assertionResults: z.array(z.object({ fullName: z.string(), status: z.string() })),
    }),
  ),
});

type FileResult = z.output<typeof reportSchema>["testResults"][number];

/** Folder below test/: one row of the time budget. */
const suiteOf = (file: FileResult): string => relative(repositoryPath("test"), file.name).split(sep)[0] ?? "";

const count = (files: readonly FileResult[], status: string): number =>
  files.flatMap((file) => file.assertionResults).filter((test) => test.status === status).length;

function render(files: readonly FileResult[]): string {
  const table = new Table({
    head: ["suite", "passed", "failed", "skipped", "seconds"],
    style: { head: [], border: [], compact: true },
  });
  for (const suite of [...new Set(files.map(suiteOf))].sort()) {
    const own = files.filter((file) => suiteOf(file) === suite);
    const seconds = own.reduce((sum, file) => sum + (file.endTime - file.startTime) / 1000, 0);
    table.push([
      suite,
      count(own, "passed"),
      count(own, "failed"),
      count(own, "skipped"),
      seconds.toFixed(0),
    ]);
  }
  return table.toString();
}

const testResults = process.argv
  .slice(2)
  .flatMap((file) => reportSchema.parse(JSON.parse(readFileSync(file, "utf8"))).testResults);
const skipped = testResults
  .flatMap((file) => file.assertionResults)
  .filter((test) => test.status === "skipped");
// A file that could not even be loaded has no tests and a message: it counts as one failure.
const unloadable = testResults.filter((file) => file.assertionResults.length === 0 && file.message);

console.log(render(testResults));
for (const test of skipped) console.log(`skipped: ${test.fullName}`);
const failed = count(testResults, "failed") + unloadable.length;
console.log(`${count(testResults, "passed")} passed, ${failed} failed, ${skipped.length} skipped`);
