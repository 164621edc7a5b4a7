/** Draws something again and again until the person has seen enough. */
import { setTimeout as sleep } from "node:timers/promises";

export interface WatchOptions {
  readonly seconds: number;
  /** Draw over what was drawn before. False: one after the other, for files and pipes. */
  readonly redraw: boolean;
  write(text: string): void;
  /** Ends it. */
  readonly signal: AbortSignal;
}

const HIDE_CURSOR = "\x1b[?25l";
const SHOW_CURSOR = "\x1b[?25h";
const HOME = "\x1b[H";
const CLEAR = "\x1b[2J";
const CLEAR_LINE = "\x1b[K";
const CLEAR_BELOW = "\x1b[J";

/** Lines are written over their predecessors, so that nothing flickers. Resolves when the signal comes. */
export async function watch(draw: () => Promise<string>, options: WatchOptions): Promise<void> {
  const { seconds, redraw, write, signal } = options;
  if (redraw) write(HIDE_CURSOR + CLEAR);
  try {
    while (!signal.aborted) {
      const text = await draw();
      if (signal.aborted) break;
      write(
        redraw ? HOME + text.replaceAll("\n", `${CLEAR_LINE}\n`) + CLEAR_LINE + CLEAR_BELOW : `${text}\n`,
      );
      await sleep(seconds * 1000, undefined, { signal }).catch(() => undefined);
    }
  } finally {
    if (redraw) write(`${SHOW_CURSOR}\n`);
  }
}

/** Aborted by Ctrl-C or SIGTERM. */
export function untilInterrupted(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => controller.abort());
  return controller.signal;
}
