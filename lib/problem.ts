/** A mistake in the configuration, told so that it can be mended without reading code. */
export interface Problem {
  /** Where: a config path such as `gardenos:network.cidr`, or a file. */
  readonly field: string;
  /** What stands there now. */
  readonly got: unknown;
  /** What would be right, as a noun phrase: "an IPv4 network such as 10.0.0.0/16". */
  readonly want: string;
  /** What to do: a command or a sentence. */
  readonly fix: string;
}

/** Stands for a value that may be a secret: one of a key that nobody knows may be of its misspelt name. */
export const HIDDEN = "a value that is not shown";

/** The value as a person would write it; long ones are cut, because a pasted key says nothing. */
function shown(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === HIDDEN) return HIDDEN;
  const text = JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}

/** All problems as one readable block. The heading names the file to edit. */
export function renderProblems(heading: string, problems: readonly Problem[]): string {
  const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
  const blocks = problems.map((p) =>
    [`  ${p.field}`, `    got   ${shown(p.got)}`, `    want  ${p.want}`, `    fix   ${p.fix}`].join("\n"),
  );
  return [`${heading}: ${count}. Nothing was changed.`, ...blocks].join("\n\n");
}
