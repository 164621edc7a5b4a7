/** PgBouncer's configuration as a real file, and what follows from them. */
import { describe, expect, it } from "vitest";
import { renderIni, renderUserlist } from "../../components/pgbouncer/render.ts";
import { poolBudget } from "../../plan/pooler.ts";
import { settingsOf } from "../support/settings.ts";

const SETTINGS = { poolSize: 20, maxClientConnections: 1000 };
const INI = renderIni(["app", "shop"], SETTINGS);

/** A value of the second section. */
const value = (key: string) => new RegExp(`^${key} =(.*)$`, "m").exec(INI)?.[1]?.trim();

it("pgbouncer.ini", async () => {
  await expect(INI).toMatchFileSnapshot("./postgres/pgbouncer.ini");
});

it("pgbouncer.ini holds no password, and its user list one", () => {
  expect(INI).not.toMatch(/password=/);
  expect(renderUserlist('a"b')).toBe('"pgbouncer" "a""b"\n');
});

describe("a database", () => {
  const pools = Object.fromEntries(INI.split("\n").flatMap((line) => {
    const match = /^(\w+) = (host=.*)$/.exec(line);
    return match ? [[match[1], match[2]]] : [];
  }));

  it("has a pool on the primary and one on the replicas, each with its own way to look clients up", () => {
    expect(pools["app"]).toBe("host=postgres-primary port=5432 dbname=app auth_dbname=postgres");
    expect(pools["app_ro"]).toBe("host=postgres-replica port=5432 dbname=app auth_dbname=postgres_ro");
    expect(Object.keys(pools)).toEqual(["postgres", "postgres_ro", "app", "app_ro", "shop", "shop_ro"]);
  });

  it.each([[["app", "app_ro"], "app_ro"], [["postgres"], "postgres"], [["pgbouncer"], "pgbouncer"], [["a b"], "a b"]])(
    "cannot be one of %j",
    (databases, wrong) => {
      expect(() => renderIni(databases, SETTINGS)).toThrow(`the pooler can have no pool, or only one pool, named ${wrong}`);
    },
  );
});

it("a pool never opens more connections than the budget counts, whoever its users are", () => {
  expect(value("max_db_connections")).toBe("20");
  const { nodes, pgbouncer } = settingsOf();
  const postgres = { maxConnections: 200, databases: { app: {}, shop: {} } };
  expect(poolBudget({ nodes, pgbouncer, postgres })).toEqual({ used: 96, max: 160 });
  expect(poolBudget({ nodes, postgres, pgbouncer: { ...pgbouncer, replicas: 2 } }).used).toBe(64);
});

it("nobody administers it, and only its own role reads statistics", () => {
  expect(value("admin_users")).toBe("");
  expect(value("stats_users")).toBe("pgbouncer");
  expect(value("unix_socket_dir")).toBe("");
});
