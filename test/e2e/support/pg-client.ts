/** `pg-client.ts FILE`: runs one query as the JSON in FILE says, and prints its rows, or the error's code and words, as JSON. */
import { readFileSync } from "node:fs";
import { Socket } from "node:net";
import pg from "pg";

const { query, localAddress, ...options } = JSON.parse(readFileSync(process.argv[2] ?? "", "utf8"));

/** The driver has no option for the address that it comes from. */
class From extends Socket {
  override connect(...args: readonly unknown[]): this {
    const [port, host] = args as [number, string];
    return super.connect({ port, host, localAddress });
  }
}

const client = new pg.Client({ connectionTimeoutMillis: 5000, stream: () => new From(), ...options });
// A connection that the server cuts is the answer, not an accident.
client.on("error", () => undefined);
try {
  await client.connect();
  const { rows } = await client.query(query);
  console.log(JSON.stringify({ rows }));
} catch (error) {
  const { code = "", message = "" } = error as { code?: string; message?: string };
  console.log(JSON.stringify({ code, message }));
} finally {
  await client.end().catch(() => undefined);
}
