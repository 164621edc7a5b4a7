import Table from "cli-table3";

/** A plain table: compact, without colours. */
export function renderTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const table = new Table({ head: [...head], style: { head: [], border: [], compact: true } });
  for (const row of rows) table.push([...row]);
  return table.toString();
}

/** `1.23` for 1234 ms. */
export const seconds = (ms: number): string => (ms / 1000).toFixed(2);
