/** Stands in for the `command` provider 1.2: scripts that run when their resource is made, changed or removed. */
import { randomBytes } from "node:crypto";
import { z } from "zod";
import type { Driver, DriverContext, Properties } from "../../engine/driver.ts";
import { type Finished, type Program, run } from "../process.ts";
import { changedKeys, defined, failuresOf, parseInputs, plain } from "../properties.ts";
import { connection, runRemote } from "./ssh.ts";

/** Lines of stderr that an error message carries. */
const STDERR_LINES = 40;

const common = {
  create: z.string().optional(),
  update: z.string().optional(),
  delete: z.string().optional(),
  stdin: z.string().optional(),
  triggers: z.array(z.unknown()).optional(),
  logging: z.enum(["stdout", "stderr", "stdoutAndStderr", "none"]).optional(),
  addPreviousOutputInEnv: z.boolean().optional(),
};
const localInputs = z.strictObject({
  ...common,
  dir: z.string().optional(),
  environment: z.record(z.string(), z.string()).optional(),
  interpreter: z.array(z.string()).min(1).optional(),
});
/** No `environment`: servers drop it unless AcceptEnv says otherwise, and ssh does not tell. */
const remoteInputs = z.strictObject({ ...common, connection });

/** What a run has printed, without the last newline. */
interface Printed {
  readonly stdout: string;
  readonly stderr: string;
}

/** A script, what it gets, and who hears of it. */
interface Job extends Pick<Program, "signal" | "onLine"> {
  readonly script: string;
  readonly inputs: Properties;
  readonly previous: Printed;
  log(message: string): void;
}

interface Kind {
  readonly schema: z.ZodObject;
  run(job: Job): Promise<Finished>;
}

const kinds: Readonly<Record<string, Kind>> = {
  "command:remote:Command": {
    schema: remoteInputs,
    // The previous output is not offered: Debian's sshd refuses such variables, and the real provider goes on without.
    run(job) {
      const { connection: target, stdin } = parseInputs(remoteInputs, "Command", job.inputs);
      return runRemote(target, { ...job, stdin });
    },
  },
  "command:local:Command": {
    schema: localInputs,
    run(job) {
      const inputs = parseInputs(localInputs, "Command", job.inputs);
      const { stdout, stderr } = inputs.addPreviousOutputInEnv === false ? NOTHING : job.previous;
      const env = {
        ...inputs.environment,
        ...(stdout && { PULUMI_COMMAND_STDOUT: stdout }),
        ...(stderr && { PULUMI_COMMAND_STDERR: stderr }),
      };
      const argv = [...(inputs.interpreter ?? ["/bin/sh", "-c"]), job.script];
      return run({ ...job, argv, env, stdin: inputs.stdin, cwd: inputs.dir });
    },
  },
};
const NOTHING: Printed = { stdout: "", stderr: "" };

function kindFor(type: string): Kind {
  const kind = kinds[type];
  if (kind !== undefined) return kind;
  throw new Error(`${type}: the lab has no such resource type. It knows ${Object.keys(kinds).join(", ")}.`);
}

async function runScript(
  ctx: DriverContext,
  script: unknown,
  { inputs, previous }: { readonly inputs: Properties; readonly previous: Printed },
): Promise<Printed> {
  if (typeof script !== "string") return previous;
  const { logging = "stdoutAndStderr" } = inputs;
  const log = (message: string): void => ctx.log(message);
  const finished = await kindFor(ctx.type).run({
    script,
    inputs,
    previous,
    log,
    signal: ctx.signal,
    onLine(stream, line) {
      if (logging === stream || logging === "stdoutAndStderr") log(line);
    },
  });
  if (finished.exitCode !== 0) throw new Error(failureOf(script, finished));
  return { stdout: finished.stdout.replace(/\n$/, ""), stderr: finished.stderr.replace(/\n$/, "") };
}

/** Names the script by its first comment: the whole text would bury what went wrong. */
function failureOf(script: string, { exitCode, stderr }: Finished): string {
  const comment = script.split("\n").find((line) => /^\s*#(?!!)/.test(line));
  const what = comment === undefined ? "the script" : `"${comment.trim()}"`;
  const how = exitCode === undefined ? "was killed" : `ended with exit code ${exitCode}`;
  const said = stderr.trim().split("\n").slice(-STDERR_LINES).join("\n");
  return `command: ${what} ${how}${said === "" ? " and said nothing on stderr" : `:\n${said}`}`;
}

function printedOf(outputs: Properties): Printed {
  const text = (key: string): string => String(outputs[key] ?? "");
  return { stdout: text("stdout"), stderr: text("stderr") };
}

export const command: Driver = {
  check: (type, news) => ({ inputs: news, failures: failuresOf(kindFor(type).schema, news) }),

  diff(_type, old, news) {
    const changed = changedKeys(old.inputs, news);
    return { changed, replace: changed.filter((key) => key === "triggers") };
  },

  async create(ctx, inputs) {
    const printed = await runScript(ctx, inputs["create"], { inputs, previous: NOTHING });
    const id = ctx.name + randomBytes(4).toString("hex");
    return { id, outputs: defined({ ...plain(inputs), ...printed }) };
  },

  async update(ctx, old, news) {
    const script = news["update"] ?? news["create"];
    const printed = await runScript(ctx, script, { inputs: news, previous: printedOf(old.outputs) });
    return defined({ ...plain(news), ...printed });
  },

  async delete(ctx, old) {
    await runScript(ctx, old.inputs["delete"], { inputs: old.inputs, previous: printedOf(old.outputs) });
  },
};
