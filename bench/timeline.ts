/** `make timeline`: `up` on this checkout's lab, and where its time went. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { z } from "zod";
import { repositoryPath } from "../lib/repository-file.ts";
import { renderTable } from "../ops/table.ts";

const resultSchema = z.object({
  seconds: z.number(),
  counts: z.record(z.string(), z.number()),
  /** Only the lab's own engine tells it. */
  timeline: z.object({
    phases: z.array(z.object({ phase: z.string(), began: z.number() })),
    steps: z.array(
      z.object({ urn: z.string(), activity: z.string(), began: z.number(), seconds: z.number() }),
    ),
  }),
});

type Result = z.output<typeof resultSchema>;

/** `urn:pulumi:lab::gardenos::gardenos:infra:HetznerNodes$hcloud:index/server:Server::n1` is HetznerNodes' `n1`. */
function roomOf(urn: string): string {
  const types = urn.split("::")[2] ?? "";
  const [first = ""] = types.split("$");
  return types.includes("$") ? (first.split(":").at(-1) ?? first) : first;
}

function rows({ timeline }: Result): readonly (readonly string[])[] {
  const began = timeline.phases.find(({ phase }) => phase === "update")?.began ?? 0;
  const steps = timeline.steps.filter((step) => step.began >= began);
  const rooms = [...new Set(steps.map(({ urn }) => roomOf(urn)))].map((room) => {
    const own = steps.filter(({ urn }) => roomOf(urn) === room);
    const longest = own.reduce((a, b) => (b.seconds > a.seconds ? b : a));
    return {
      room,
      from: Math.min(...own.map((step) => step.began)),
      to: Math.max(...own.map((step) => step.began + step.seconds)),
      count: own.length,
      longest: `${longest.urn.split("::").at(-1)} ${longest.seconds.toFixed(1)}`,
    };
  });
  return rooms
    .sort((a, b) => a.from - b.from)
    .map(({ room, from, to, count, longest }) => [
      room,
      from.toFixed(1),
      to.toFixed(1),
      String(count),
      longest,
    ]);
}

const began = performance.now();
const child = spawn(process.execPath, ["lab/cli.ts", "up", "--json", ...process.argv.slice(2)], {
  cwd: repositoryPath("."),
  stdio: ["ignore", "pipe", "inherit"],
});
const [output, [code]] = await Promise.all([text(child.stdout), once(child, "exit")]);
const wall = (performance.now() - began) / 1000;
if (output === "") process.exit(1);
const parsed = resultSchema.safeParse(JSON.parse(output));
if (!parsed.success) {
  console.error(
    `up took ${wall.toFixed(1)} s; only the lab's own engine says where they went: \`make up ENGINE=builtin\``,
  );
  process.exit(1);
}
const result = parsed.data;
const before = wall - result.seconds;
console.log(renderTable(["part of the program", "from s", "to s", "steps", "longest step s"], rows(result)));
const phases = result.timeline.phases.map(({ phase, began: at }) => `${phase} from ${at.toFixed(1)} s`);
console.log(
  `up took ${wall.toFixed(1)} s: ${before.toFixed(1)} s for artifacts, machines' world and status, ` +
    `${result.seconds.toFixed(1)} s for the program (${phases.join(", ")}).`,
);
process.exitCode = code ?? 1;
