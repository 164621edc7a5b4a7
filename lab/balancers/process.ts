/** HAProxy for one load balancer: a process, and the ones before it that still have connections. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, openSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { BalancerSpec, TargetHealth } from "../cloud/balancers.ts";
import { lastLines, untilReady } from "../server-process.ts";
import { isIdle, renderConfig, STATE_FILE, STATS_SOCKET } from "./config.ts";
import { ask, parseHealth } from "./stats.ts";

const CONFIG = "haproxy.cfg";
const LOG = "haproxy.log";

/** Calls must come one at a time. */
export class Haproxy {
  readonly #dir: string;
  readonly #log: (line: string) => void;
  /** Takes new connections. */
  #current: ChildProcess | undefined;
  /** All that have not ended. */
  readonly #children = new Set<ChildProcess>();

  /** @param dir for this process alone; made anew */
  constructor(dir: string, log: (line: string) => void) {
    this.#dir = dir;
    this.#log = log;
    rmSync(dir, { recursive: true, force: true });
    mkdirSync(dir, { recursive: true, mode: 0o700 });
  }

  /**
   * Forwards as told from now on. Connections that are open go on as they are.
   * @throws Error when HAProxy does not start; the one before then goes on
   */
  async apply(spec: BalancerSpec): Promise<void> {
    if (isIdle(spec)) {
      this.#current?.kill("SIGUSR1");
      this.#current = undefined;
      return;
    }
    const before = this.#current;
    writeFileSync(this.#path(STATE_FILE), before ? await this.#ask("show servers state") : "");
    writeFileSync(this.#path(CONFIG), renderConfig(spec));
    const takeOver = before?.pid === undefined ? [] : ["-x", STATS_SOCKET, "-sf", String(before.pid)];
    const child = this.#spawn(takeOver);
    await this.#untilItAnswers(child);
    this.#current = child;
  }

  /** Empty when it does not run. */
  async health(): Promise<readonly TargetHealth[]> {
    if (this.#current === undefined) return [];
    // All proxies, servers only, all of them.
    return parseHealth(await this.#ask("show stat -1 4 -1"));
  }

  /** Ends all processes with their connections, and removes the folder. */
  async stop(): Promise<void> {
    this.#current = undefined;
    const ends = [...this.#children].map((child) => once(child, "exit"));
    for (const child of this.#children) child.kill("SIGKILL");
    await Promise.all(ends);
    rmSync(this.#dir, { recursive: true, force: true });
  }

  #spawn(options: readonly string[]): ChildProcess {
    // Of the last start only. Appended to, because the one before may still write.
    writeFileSync(this.#path(LOG), "", { mode: 0o600 });
    const log = openSync(this.#path(LOG), "a");
    const argv = ["--pdeathsig", "KILL", "haproxy", "-db", "-f", CONFIG, ...options];
    const child = spawn("setpriv", argv, { cwd: this.#dir, stdio: ["ignore", log, log] });
    closeSync(log);
    this.#children.add(child);
    child.once("exit", (code, signal) => {
      this.#children.delete(child);
      if (this.#current !== child) return;
      this.#current = undefined;
      this.#log(
        `${this.#dir}: HAProxy ended with ${signal ?? `status ${code}`}: ${lastLines(this.#path(LOG))}`,
      );
    });
    child.once("error", () => this.#children.delete(child));
    return child;
  }

  /** The socket changes hands when the new process is ready. */
  #untilItAnswers(child: ChildProcess): Promise<void> {
    return untilReady(child, {
      isReady: async () => (await this.#ask("show info").catch(() => "")).includes(`\nPid: ${child.pid}\n`),
      logFile: this.#path(LOG),
      wanted: "wanted HAProxy to forward, but it did not start (package haproxy)",
    });
  }

  #ask(command: string): Promise<string> {
    return ask(this.#path(STATS_SOCKET), command);
  }

  #path(name: string): string {
    return join(this.#dir, name);
  }
}
