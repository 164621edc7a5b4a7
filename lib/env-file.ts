/**
 * `KEY='value'` lines that bash and systemd's EnvironmentFile read alike, sorted by key.
 * @throws when a value holds a quote, backslash or newline: the two readers disagree about those.
 */
export function renderEnv(vars: Readonly<Record<string, string>>): string {
  for (const [key, value] of Object.entries(vars)) {
    if (/['\\\n]/.test(value)) {
      throw new Error(`${key}: quotes, backslashes and newlines do not survive both bash and systemd`);
    }
  }
  return Object.keys(vars)
    .sort()
    .map((key) => `${key}='${vars[key]}'\n`)
    .join("");
}
