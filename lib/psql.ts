/**
 * A line that sets a variable of psql. Nothing that comes here needs more than quotes around it.
 * @throws when it would: such a value is a mistake, or somebody's attempt
 */
export function setVariable(name: string, value: string): string {
  if (!/^[\w$:=+/,-]*$/.test(value))
    throw new Error(`the variable ${name} of the SQL has a character that no name has`);
  return `\\set ${name} '${value}'\n`;
}
