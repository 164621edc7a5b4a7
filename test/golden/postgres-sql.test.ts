/** The cluster's SQL as a real file, and its static files read by Postgres's own parser. */
import { readdirSync } from "node:fs";
import { loadModule, parsePlPgSQLSync, parseSync } from "libpg-query";
import { beforeAll, describe, expect, it } from "vitest";
import { renderSql, roles } from "../../components/patroni-cluster/sql.ts";
import { readRepositoryFile, repositoryPath } from "../../lib/repository-file.ts";
import { scramVerifier } from "../../lib/scram.ts";

const DATABASES = { app: { extensions: ["vector", "uuid-ossp"], rotation: 1 } };
const VERIFIERS = Object.fromEntries(
  roles(DATABASES).map(({ name }) => [name, scramVerifier(`${name}-password`, "W22ZaJ0SNY7soEsUEjb6gQ==")]),
);

const FILES = readdirSync(repositoryPath("sql/cluster")).filter((name) => name.endsWith(".sql"));

/** As the server gets it: without what psql does itself, with something in place of each variable. */
const forServer = (text: string) =>
  text
    .replace(/ \\gexec$/gm, ";")
    .replace(/^\\.*$/gm, "")
    .replace(/:"(\w+)"/g, '"$1"')
    .replace(/:'(\w+)'/g, "'$1'")
    .replace(/:replication\b/g, "NOREPLICATION");

describe("the static files", () => {
  beforeAll(loadModule);

  it.each(FILES)("%s is what Postgres reads", (name) => {
    const text = readRepositoryFile(`sql/cluster/${name}`);
    expect(parseSync(forServer(text)).stmts?.length).toBeGreaterThan(0);
    for (const [block] of text.matchAll(/^DO \$\$[^]*?^\$\$/gm)) expect(() => parsePlPgSQLSync(block)).not.toThrow();
  });

  it("drop nothing", () => {
    for (const name of FILES) expect(readRepositoryFile(`sql/cluster/${name}`)).not.toMatch(/^\s*DROP\b/im);
  });
});

describe("what goes to psql", () => {
  it("is this for one database", async () => {
    // A static file stands there by its name: its text is reviewed where it is.
    const text = FILES.reduce(
      (rest, name) => rest.replaceAll(readRepositoryFile(`sql/cluster/${name}`), `\\ir ../../../sql/cluster/${name}\n`),
      renderSql({ databases: DATABASES, verifiers: VERIFIERS }),
    );
    await expect(text).toMatchFileSnapshot("./postgres/cluster.sql");
  });

  it("begins every session by closing the log, before any verifier", () => {
    const text = renderSql({ databases: DATABASES, verifiers: VERIFIERS });
    const quiet = text.indexOf("SET log_statement = 'none'");
    expect(quiet).toBeGreaterThan(0);
    expect(quiet).toBeLessThan(text.indexOf("SCRAM-SHA-256$"));
    for (const session of text.split(/^\\connect .*$/m)) expect(session).toContain("SET log_statement = 'none'");
  });

  it("is not made for a role without a verifier, nor with a password in a verifier's place", () => {
    const { app_rw: _, ...rest } = VERIFIERS;
    const render = (verifiers: Record<string, string>) => () => renderSql({ databases: DATABASES, verifiers });
    expect(render(rest)).toThrow("the role app_rw has no SCRAM verifier");
    expect(render({ ...rest, app_rw: "a-password" })).toThrow("the role app_rw has no SCRAM verifier");
  });

  it.each(["a'; DROP TABLE x; --", "a\nb", "a\\b", 'a"b', "a b"])("is not made with the name %j", (name) => {
    const verifiers = new Proxy(VERIFIERS, { get: () => VERIFIERS["app_rw"] });
    const message = /^the variable role of the SQL has a character that no name has$/;
    expect(() => renderSql({ databases: { [name]: { extensions: [], rotation: 0 } }, verifiers })).toThrow(message);
    const databases = { app: { extensions: [name], rotation: 0 } };
    expect(() => renderSql({ databases, verifiers })).toThrow(/^the variable extensions of the SQL/);
  });
});
