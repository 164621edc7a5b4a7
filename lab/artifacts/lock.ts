/** A lock between processes that the kernel releases when its holder dies, however it dies. */
import { spawn } from "node:child_process";
import { once } from "node:events";

/**
 * Runs `work` while no other process holds `file`'s lock. Waits as long as it takes.
 * @param file made if missing; its folder must exist
 * @param onWait called once if somebody else holds the lock
 */
export async function withLock<T>(file: string, onWait: () => void, work: () => Promise<T>): Promise<T> {
  // `cat` runs once flock has the lock, and ends, releasing it, when our end of the pipe is closed. It has a
  // process group of its own, so that Ctrl-C in a terminal doesn't release the lock before the work has stopped.
  const holder = spawn("flock", ["--no-fork", "--exclusive", file, "cat"], {
    stdio: ["pipe", "pipe", "inherit"],
    detached: true,
  });
  const failed = new Promise<never>((_, reject) => {
    holder.once("error", reject);
    holder.once("exit", (status) => reject(new Error(`flock can't lock ${file}: it ended with ${status}`)));
  });
  failed.catch(() => undefined);
  holder.stdin.on("error", () => undefined);
  holder.stdin.write("held\n");
  const notice = setTimeout(onWait, 500);
  try {
    await Promise.race([once(holder.stdout, "data"), failed]);
  } finally {
    clearTimeout(notice);
  }
  try {
    return await work();
  } finally {
    const gone = once(holder, "close");
    holder.stdin.end();
    await gone;
  }
}
