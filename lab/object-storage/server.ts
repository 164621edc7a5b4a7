/** The lab's object storage: versitygw on a folder of the lab, outside of the cluster as Hetzner's is. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import pLimit from "p-limit";
import { z } from "zod";
import { lastLines, untilReady } from "../server-process.ts";

/** For one answer. */
const ANSWER_MS = 1_000;
/** Answered without a key. No bucket can have the name. */
const READY_PATH = "/_ready";

/** What it is started with. */
export const storageOptions = z.object({
  /** versitygw's executable. */
  program: z.string(),
  /** What clients sign their requests for. */
  region: z.string(),
  /** Made if it is not there. */
  bucket: z.string(),
  accessKeyId: z.string(),
  /** Secret. */
  secretAccessKey: z.string(),
});

export type StorageOptions = z.output<typeof storageOptions>;

interface Place {
  /** Files are in `data` below it, one folder per bucket, and the log beside that. */
  readonly dir: string;
  /** IP and port to listen at. */
  readonly address: string;
  /** One line for the daemon's log. */
  log(line: string): void;
}

export class ObjectStorage {
  readonly #place: Place;
  readonly #queue = pLimit(1);
  #child: ChildProcess | undefined;
  #options: StorageOptions | undefined;

  constructor(place: Place) {
    this.#place = place;
  }

  /**
   * Resolves when it answers and the bucket is there. Does nothing to one that runs as told.
   * @throws Error with the server's last lines when it does not start
   */
  start(options: StorageOptions): Promise<void> {
    return this.#queue(async () => {
      // versitygw takes each folder for a bucket.
      mkdirSync(join(this.#place.dir, "data", options.bucket), { recursive: true, mode: 0o700 });
      if (this.#child && isDeepStrictEqual(this.#options, options)) return;
      await this.#stop();
      const child = this.#spawn(options);
      await this.#untilItAnswers(child);
      this.#child = child;
      this.#options = options;
    });
  }

  /** Ends it; files stay. */
  close(): Promise<void> {
    return this.#queue(() => this.#stop());
  }

  async #stop(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    this.#child = undefined;
    const ended = once(child, "exit");
    // A file that is not whole has no name yet.
    child.kill("SIGKILL");
    await ended;
  }

  #spawn({ program, region, accessKeyId, secretAccessKey }: StorageOptions): ChildProcess {
    const { dir, address } = this.#place;
    const log = openSync(this.#logFile, "w", 0o600);
    const flags = ["--port", address, "--region", region, "--health", READY_PATH, "--quiet"];
    const argv = ["--pdeathsig", "KILL", program, ...flags, "posix", join(dir, "data")];
    // Nothing else of this environment: versitygw takes settings from it.
    const env = {
      PATH: process.env["PATH"],
      ROOT_ACCESS_KEY: accessKeyId,
      ROOT_SECRET_KEY: secretAccessKey,
    };
    const child = spawn("setpriv", argv, { cwd: dir, stdio: ["ignore", log, log], env });
    closeSync(log);
    child.once("exit", (code, signal) => {
      if (this.#child !== child) return;
      this.#child = undefined;
      this.#place.log(`object storage ended with ${signal ?? `status ${code}`}: ${lastLines(this.#logFile)}`);
    });
    return child;
  }

  #untilItAnswers(child: ChildProcess): Promise<void> {
    const url = `http://${this.#place.address}${READY_PATH}`;
    return untilReady(child, {
      isReady: () =>
        fetch(url, { signal: AbortSignal.timeout(ANSWER_MS) }).then(
          ({ ok }) => ok,
          () => false,
        ),
      logFile: this.#logFile,
      wanted: `wanted object storage at ${this.#place.address}, but it did not start`,
    });
  }

  get #logFile(): string {
    return join(this.#place.dir, "versitygw.log");
  }
}
