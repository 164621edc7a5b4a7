/** Runs a script on a host through the system's OpenSSH client, with the host key pinned. */
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pRetry from "p-retry";
import { z } from "zod";
import { type Finished, type Program, run } from "../process.ts";

/** Where and as whom to sign in, with the real provider's defaults. Only keys, and only pinned hosts. */
export const connection = z.strictObject({
  host: z.string(),
  port: z.int().min(1).max(65535).default(22),
  user: z.string().default("root"),
  privateKey: z.string({ error: "no private key: the lab signs in by key only" }),
  /** Public key of the host, `ssh-ed25519 AAAA…`. */
  hostKey: z
    .string({ error: "no host key: pin the host's public key, the lab makes no unpinned connection" })
    .regex(/^\s*[a-z0-9@.-]+ [A-Za-z0-9+/]+=*(\s|$)/, "no OpenSSH public key such as `ssh-ed25519 AAAA…`"),
  /** Failed dials before it gives up; -1 for no limit. */
  dialErrorLimit: z.int().min(-1).default(10),
  /** Seconds for one dial; 0 for no limit. */
  perDialTimeout: z.int().min(0).default(15),
});
export type Connection = z.infer<typeof connection>;

export interface RemoteScript extends Pick<Program, "stdin" | "signal" | "onLine"> {
  readonly script: string;
  /** Hears of failed dials. */
  log(message: string): void;
}

/** Linux takes no longer argument. */
const MAX_SCRIPT_BYTES = 131_071;
/** A dead network ends a connection after three of these, in seconds. */
const ALIVE_INTERVAL = 15;
/** ssh's own exit code for trouble of its own. */
const SSH_TROUBLE = 255;
/** How ssh's last words begin when a session breaks. */
const BROKEN =
  /^(connection (to|reset|closed)|read from remote|timeout, server|client_loop|received disconnect)/i;
const FOLDER_PREFIX = "gardenos-ssh-";

type Trouble = "mismatch" | "refused" | "unreachable";

/** A dial that failed. Nothing has run on the host. */
class DialError extends Error {
  readonly trouble: Trouble;
  constructor(trouble: Trouble, message: string) {
    super(message);
    this.trouble = trouble;
  }
}

/**
 * Dials until it gets through, then runs the script once. Answers also when the script fails.
 * @throws Error with a sentence when no dial gets through, or when the connection breaks under the script
 */
export async function runRemote(target: Connection, script: RemoteScript): Promise<Finished> {
  const bytes = Buffer.byteLength(script.script);
  if (bytes > MAX_SCRIPT_BYTES)
    throw new Error(
      `ssh: the script has ${bytes} bytes, at most ${MAX_SCRIPT_BYTES} fit: use stdin for data`,
    );
  await removeLeftovers();
  // The process id in the name tells whose it is, should this process be killed before it removes it.
  const folder = await mkdtemp(join(tmpdir(), `${FOLDER_PREFIX}${process.pid}-`));
  try {
    const [type = "", blob = ""] = target.hostKey.trim().split(" ");
    await writeFile(join(folder, "key"), `${target.privateKey.trimEnd()}\n`, { mode: 0o600 });
    await writeFile(join(folder, "known_hosts"), `target ${type} ${blob}\n`);
    return await dial(target, script, folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Removes the keys that killed engines have left in the folder for temporary files. Runs before each connection too. */
async function removeLeftovers(): Promise<void> {
  const names = (await readdir(tmpdir())).filter((name) => name.startsWith(FOLDER_PREFIX));
  const orphans = names.filter((name) => !isRunning(Number(name.slice(FOLDER_PREFIX.length).split("-")[0])));
  await Promise.all(orphans.map((name) => rm(join(tmpdir(), name), { recursive: true, force: true })));
}

function isRunning(pid: number): boolean {
  return existsSync(`/proc/${pid}`);
}

async function dial(target: Connection, script: RemoteScript, folder: string): Promise<Finished> {
  const { dialErrorLimit } = target;
  const limit = dialErrorLimit < 0 ? "inf" : dialErrorLimit;
  let refused: Error | undefined;
  const attempt = async (): Promise<Finished> => once(target, script, folder);
  try {
    return await pRetry(attempt, {
      retries: dialErrorLimit < 0 ? Number.POSITIVE_INFINITY : dialErrorLimit,
      minTimeout: 100,
      factor: 1.5,
      maxTimeout: 5_000,
      signal: script.signal,
      shouldRetry: ({ error }) => error instanceof DialError && error.trouble !== "mismatch",
      onFailedAttempt({ error, attemptNumber, retriesLeft }) {
        if (!(error instanceof DialError) || error.trouble === "mismatch") return;
        if (error.trouble === "refused") refused = error;
        // A new server refuses for seconds: one line says so, and another when it takes long.
        const worthALine = attemptNumber === 1 || attemptNumber % 10 === 0;
        if (retriesLeft > 0 && worthALine)
          script.log(`waiting for SSH (dial ${attemptNumber} of ${limit}): ${error.message}`);
      },
    });
  } catch (error) {
    // A server that has had enough of wrong keys stops answering; the refusal is what matters.
    const cause = refused ?? error;
    if (!(cause instanceof DialError) || script.signal.aborted) throw error;
    throw new Error(
      `ssh: ${target.user}@${target.host}:${target.port}: ${cause.message}. ${ADVICE[cause.trouble]}`,
    );
  }
}

const ADVICE: Readonly<Record<Trouble, string>> = {
  mismatch:
    "Another machine answers there, or the server was rebuilt behind the program's back: check it, then run refresh",
  refused: "The server does not know the deploy key: check authorized_keys on it, or rebuild the server",
  unreachable: "Check that the server runs and that its firewall lets this machine in, then run again",
};

async function once(target: Connection, script: RemoteScript, folder: string): Promise<Finished> {
  const log = join(folder, "log");
  await writeFile(log, "");
  const finished = await run({ ...script, argv: sshArguments(target, script.script, folder) });
  // ssh removes its key once it has signed in (see LocalCommand), so the script has not started while it is there.
  const hasConnected = !existsSync(join(folder, "key"));
  if (hasConnected && finished.exitCode !== SSH_TROUBLE) return finished;
  const complaint = await readFile(log, "utf8");
  if (!hasConnected) throw dialErrorOf(complaint || finished.stderr);
  // ssh tells of a session's end in its log, or on stderr behind the script's own lines.
  const reason = [complaint, finished.stderr].map(lastLine).find((line) => BROKEN.test(line));
  if (reason === undefined) return finished;
  throw new Error(
    `ssh: the connection to ${target.host} broke while the script ran (${reason}). It may have run in part: run again.`,
  );
}

function sshArguments(target: Connection, script: string, folder: string): string[] {
  const [type = ""] = target.hostKey.trim().split(" ");
  const options = {
    BatchMode: "yes",
    PreferredAuthentications: "publickey",
    IdentityFile: join(folder, "key"),
    IdentitiesOnly: "yes",
    IdentityAgent: "none",
    StrictHostKeyChecking: "yes",
    UserKnownHostsFile: join(folder, "known_hosts"),
    GlobalKnownHostsFile: "/dev/null",
    HostKeyAlias: "target",
    HostKeyAlgorithms: type === "ssh-rsa" ? "rsa-sha2-512,rsa-sha2-256" : type,
    UpdateHostKeys: "no",
    ConnectTimeout: target.perDialTimeout === 0 ? "none" : String(target.perDialTimeout),
    ServerAliveInterval: String(ALIVE_INTERVAL),
    ServerAliveCountMax: "3",
    PermitLocalCommand: "yes",
    LocalCommand: `rm -f '${join(folder, "key")}'`,
  };
  return [
    ...[
      "ssh",
      "-F",
      "/dev/null",
      "-T",
      "-E",
      join(folder, "log"),
      "-p",
      String(target.port),
      "-l",
      target.user,
    ],
    ...Object.entries(options).flatMap(([name, value]) => ["-o", `${name}=${value}`]),
    ...["--", target.host, script],
  ];
}

function dialErrorOf(complaint: string): DialError {
  // A server without a key of the pinned type is another server too.
  if (/host key verification failed|no matching host key type/i.test(complaint))
    return new DialError("mismatch", "host key mismatch");
  if (/permission denied/i.test(complaint))
    return new DialError("refused", "the server refused the key (permission denied)");
  return new DialError("unreachable", lastLine(complaint) || "ssh ended without a word");
}

/** The last line that says something, without ssh's prefix. */
function lastLine(text: string): string {
  return (text.trim().split("\n").at(-1) ?? "")
    .trim()
    .replace(/^ssh: /, "")
    .replace(/\.$/, "");
}
