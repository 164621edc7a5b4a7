/** `test-summary.ts REPORT…`: of vitest's JSON reports, time and counts per suite, skipped tests, and failures last. */
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
      assertionResults: z.array(
        z.object({
          fullName: z.string(),
          status: z.string(),
          failureMessages: z.array(z.string()).nullish(),
        }),
      ),
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

/** What the end of a long log repeats of an error: how it begins, and its last lines without the stack. */
function gist(message: string): string {
  const lines = message.split("\n").filter((line) => line.trim() && !/^\s+at /.test(line));
  const kept = lines.length > 6 ? [...lines.slice(0, 2), "…", ...lines.slice(-4)] : lines;
  return kept.map((line) => `    ${line.slice(0, 300)}`).join("\n");
}

/** Every failure with its error: of tests, and of files that failed outside of them (loading, set-up, tear-down). */
function failuresOf(file: FileResult): string[] {
  const failed = file.assertionResults.filter(({ status }) => status === "failed");
  const ofTests = failed.map(
    ({ fullName, failureMessages }) => `${fullName}\n${gist(failureMessages?.[0] ?? "")}`,
  );
  const name = relative(repositoryPath("."), file.name);
  return file.message && failed.length === 0 ? [`${name}\n${gist(file.message)}`] : ofTests;
}

const testResults = process.argv
  .slice(2)
  .flatMap((file) => reportSchema.parse(JSON.parse(readFileSync(file, "utf8"))).testResults);
const skipped = testResults
  .flatMap((file) => file.assertionResults)
  .filter((test) => test.status === "skipped");
const failures = testResults.flatMap(failuresOf);

console.log(render(testResults));
for (const test of skipped) console.log(`skipped: ${test.fullName}`);
for (const failure of failures) console.log(`failed: ${failure}`);
console.log(`${count(testResults, "passed")} passed, ${failures.length} failed, ${skipped.length} skipped`);
