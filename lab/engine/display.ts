/** What the person who watches a run sees: plain text from events. Rendering is pure; only the reporter writes. */
import { styleText } from "node:util";
import type { PropertyChange } from "./diff.ts";
import type { Activity, Change, Drift, EngineEvent, Operation, Reporter, Result } from "./events.ts";
import { isHidden, nameOf, typeOf } from "./urn.ts";

/** What the output can show. */
export interface Screen {
  readonly colour: boolean;
  /** Longer lines are cut. */
  readonly width: number;
}

type Style = Parameters<typeof styleText>[0];

const OPERATIONS: Readonly<Record<Operation, { sign: string; style: Style; done: string; planned: string }>> =
  {
    create: { sign: " +", style: "green", done: "created", planned: "to create" },
    update: { sign: " ~", style: "yellow", done: "updated", planned: "to update" },
    replace: { sign: "+-", style: "magenta", done: "replaced", planned: "to replace" },
    delete: { sign: " -", style: "red", done: "deleted", planned: "to delete" },
    same: { sign: "  ", style: "dim", done: "unchanged", planned: "unchanged" },
  };
const DOING: Readonly<Record<Activity, { now: string; done: string }>> = {
  create: { now: "creating", done: "created" },
  update: { now: "updating", done: "updated" },
  delete: { now: "deleting", done: "deleted" },
  read: { now: "reading", done: "read" },
  find: { now: "looking for", done: "looked for" },
};
/** Longer texts show their changed lines only. */
const ONE_LINE = 80;
/** Of a text's changed lines, and of its unchanged ones at either end of them. */
const MAX_CHANGED_LINES = 12;

/** `hcloud:Server n1`: the type without the part that repeats its name. */
export function label({ type, name }: { readonly type: string; readonly name: string }): string {
  const [pkg, module, kind] = type.split(":");
  const last = module?.split("/").at(-1);
  const repeats = module === "index" || last?.toLowerCase() === kind?.toLowerCase();
  return `${repeats ? `${pkg}:${kind}` : type} ${name}`;
}

/** The plan: each resource that is not to stay as it is, with what changes. */
export function renderPlan(changes: readonly Change[], screen: Screen): readonly string[] {
  const acting = changes.filter(({ operation }) => operation !== "same");
  if (acting.length === 0) return ["Nothing to change."];
  return acting.flatMap((change) => {
    const { sign, style } = OPERATIONS[change.operation];
    const note = change.note === undefined ? "" : ` (${change.note})`;
    const head = `${sign} ${change.operation.padEnd(7)} ${label(change)}${note}`;
    return [paint(style, cut(head, screen), screen), ...renderProperties(change.properties, screen)];
  });
}

/** What has changed behind the engine's back. */
function renderDrift(drift: readonly Drift[], screen: Screen): readonly string[] {
  return drift.flatMap((each) => {
    const head = each.gone ? `! gone    ${label(each)}` : `! drifted ${label(each)}`;
    return [paint("yellow", cut(head, screen), screen), ...renderProperties(each.properties, screen)];
  });
}

/** One line for how it went, after one paragraph per error. */
export function renderSummary(result: Result, screen: Screen): readonly string[] {
  const errors = result.errors.map((text) => paint("red", `error: ${text}`, screen));
  const planned = result.phase === "preview";
  const counts = (Object.keys(OPERATIONS) as Operation[])
    .filter((operation) => result.counts[operation] > 0)
    .map((operation) => `${result.counts[operation]} ${OPERATIONS[operation][planned ? "planned" : "done"]}`);
  const gone = result.drift.length > 0 ? [`${result.drift.length} drifted`] : [];
  const what = [...counts, ...gone].join(", ");
  const verdict = { 0: "Done", 1: "Failed", 130: "Stopped" }[result.exitCode];
  const time = `${verdict} after ${duration(result.seconds)}`;
  return [...errors, what === "" ? `${time}.` : `${time}: ${what}.`];
}

function renderProperties(properties: readonly PropertyChange[], screen: Screen): readonly string[] {
  return properties.flatMap((change) => renderProperty(change).map((line) => cut(`       ${line}`, screen)));
}

function renderProperty({ path, before, after, forcesReplacement }: PropertyChange): readonly string[] {
  const forces = forcesReplacement ? "  (forces replacement)" : "";
  const [old, now] = [before, after].map(text);
  if (old !== undefined && now !== undefined && (isLong(old) || isLong(now))) {
    return [`${path}:${forces}`, ...changedLines(old, now)];
  }
  if (old === undefined) return [`${path}: added ${brief(after)}${forces}`];
  if (now === undefined) return [`${path}: removed, was ${brief(before)}${forces}`];
  return [`${path}: ${old} → ${now}${forces}`];
}

function text(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  return typeof value === "string" ? value : JSON.stringify(value, null, isNested(value) ? 2 : 0);
}

function isNested(value: unknown): boolean {
  return typeof value === "object" && JSON.stringify(value).length > ONE_LINE;
}

function isLong(value: string): boolean {
  return value.length > ONE_LINE || value.includes("\n");
}

/** An object stays on one line, where the screen cuts it; a long text is only counted. */
function brief(value: unknown): string {
  if (typeof value !== "string") return JSON.stringify(value);
  return isLong(value) ? `a text of ${value.split("\n").length} lines` : value;
}

/** The lines in which two texts differ, without those that they begin and end with in common. */
function changedLines(before: string, after: string): readonly string[] {
  const [old, now] = [before.split("\n"), after.split("\n")];
  const head = commonLength(old, now);
  const tail = commonLength(old.slice(head).reverse(), now.slice(head).reverse());
  const removed = old.slice(head, old.length - tail).filter((line) => !now.includes(line));
  const added = now.slice(head, now.length - tail).filter((line) => !old.includes(line));
  const lines = [...removed.map((line) => `- ${line}`), ...added.map((line) => `+ ${line}`)];
  const hidden = lines.length - MAX_CHANGED_LINES;
  const shown = lines.slice(0, MAX_CHANGED_LINES).map((line) => `  ${line}`);
  if (lines.length === 0) return ["  the same lines in another order"];
  return hidden > 0 ? [...shown, `  … and ${hidden} more lines`] : shown;
}

function commonLength(a: readonly string[], b: readonly string[]): number {
  const differing = a.findIndex((line, at) => line !== b[at]);
  return differing === -1 ? Math.min(a.length, b.length) : differing;
}

function duration(seconds: number): string {
  const whole = Math.round(seconds);
  return whole < 60 ? `${seconds.toFixed(1)} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

function cut(line: string, { width }: Screen): string {
  return line.length > width ? `${line.slice(0, width - 1)}…` : line;
}

function paint(style: Style, line: string, { colour }: Screen): string {
  return colour ? styleText(style, line, { validateStream: false }) : line;
}

/** Where a reporter writes: standard output or something like it. */
export interface Terminal {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** Without a terminal a step is announced only when it takes this long. */
const ANNOUNCE_AFTER_MS = 5000;
const STATUS_EVERY_MS = 1000;

interface Step {
  readonly text: string;
  readonly begun: number;
  readonly timer: NodeJS.Timeout | undefined;
}

/** Writes a run as it happens: on a terminal with a status line of what is under way. */
export function createReporter(terminal: Terminal): Reporter {
  const live = terminal.isTTY === true;
  const screen = (): Screen => ({ colour: live, width: live ? (terminal.columns ?? 80) : 160 });
  const steps = new Map<number, Step>();
  let ticking: NodeJS.Timeout | undefined;
  const status = (): string => {
    const now = performance.now();
    const running = [...steps.values()].map(
      (step) => `${step.text} ${Math.round((now - step.begun) / 1000)} s`,
    );
    return running.length === 0 ? "" : paint("dim", cut(running.join(" · "), screen()), screen());
  };
  const write = (lines: readonly string[]): void => {
    const text = lines.map((line) => `${line}\n`).join("");
    terminal.write(live ? `\r\x1b[K${text}${status()}` : text);
  };
  const begin = (id: number, text: string): void => {
    const announce = () => write([`  ${text} …`]);
    const timer = live ? undefined : setTimeout(announce, ANNOUNCE_AFTER_MS).unref();
    steps.set(id, { text, begun: performance.now(), timer });
    if (live) ticking ??= setInterval(() => write([]), STATUS_EVERY_MS).unref();
  };
  const end = (id: number): void => {
    clearTimeout(steps.get(id)?.timer);
    steps.delete(id);
    if (steps.size > 0) return;
    clearInterval(ticking);
    ticking = undefined;
  };
  return (event) => {
    if (event.kind === "started") begin(event.step, `${DOING[event.activity].now} ${nameOf(event.urn)}`);
    else if (event.kind === "finished") end(event.step);
    const lines = renderEvent(event, screen());
    if (lines.length > 0 || live) write(lines);
  };
}

/** The lines that an event adds to the output. */
function renderEvent(event: EngineEvent, screen: Screen): readonly string[] {
  switch (event.kind) {
    case "phase":
      return [];
    case "drift":
      return renderDrift(event.drift, screen);
    case "plan":
      return renderPlan(event.changes, screen);
    case "started":
      return [];
    case "finished":
      return renderFinished(event, screen);
    case "message":
      return [event.severity === "info" ? event.text : `${event.severity}: ${event.text}`];
    case "summary":
      return renderSummary(event.result, screen);
  }
}

function renderFinished(
  event: EngineEvent & { readonly kind: "finished" },
  screen: Screen,
): readonly string[] {
  const quiet = isHidden(event.urn) || event.activity === "read" || event.activity === "find";
  if (quiet && !event.failed) return [];
  const what = label({ type: typeOf(event.urn), name: nameOf(event.urn) });
  const how = event.failed ? `failed ${DOING[event.activity].now}` : DOING[event.activity].done;
  return [
    paint(
      event.failed ? "red" : "green",
      cut(`  ${how} ${what} (${duration(event.seconds)})`, screen),
      screen,
    ),
  ];
}
