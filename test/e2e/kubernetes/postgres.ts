/** Postgres as `make up` leaves it: who is let in, who is not, and what a member without etcd does. */
import { beforeAll, describe, expect, it, vi } from "vitest";
import {
  ask,
  KEPT,
  keepRow,
  MEMBERS,
  memberLogs,
  psql,
  readKept,
  rolesIn,
  untilWell,
} from "../support/postgres.ts";
import { cluster, lab } from "./stack.ts";

const SOON = { timeout: 60_000, interval: 1000 };

describe("Postgres", () => {
  beforeAll(async () => {
    await untilWell(lab);
    await keepRow(lab);
  });

  it("has a leader, a synchronous standby and a replica, and passes every check of validate", async () => {
    const { postgres } = await lab.status();
    expect(new Set(postgres?.members.map(({ timeline }) => timeline)).size).toBe(1);
    const { code, all } = await lab.lab("validate");
    expect(code, all).toBe(0);
  });

  it("is exported with hosts, logins and authority, secrets only when they are asked for", async () => {
    const password = "postgres.databases.app.rw.password";
    expect(await lab.must("output", "postgres.port")).toBe("5432\n");
    expect(await lab.must("output", "postgres.caPem")).toMatch(/^-----BEGIN CERTIFICATE-----\n/);
    expect(await lab.must("output", password)).toBe("[secret]\n");
    expect(await lab.must("output", password, "--show-secrets")).toMatch(/^\S{24,}\n$/);
    const { code, stderr } = await lab.lab("output", "postgres.pool");
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(
        /^lab: no output postgres\.pool\. There is, in postgres: caPem, databases, hosts, /,
      ),
    ]);
  });

  it("lets a client of the configured networks in through any node, to write on 5432 and to read on 5433", async () => {
    for (const host of ["198.51.100.12", "198.51.100.13"]) {
      expect(await readKept(lab, { host })).toEqual(KEPT);
    }
    const recovering = "SELECT pg_is_in_recovery() AS replica";
    expect(await ask(lab, { port: 5433, query: recovering })).toEqual({ rows: [{ replica: true }] });
  });

  it.each([
    ["a wrong password", { password: "not-the-password" }, "28P01"],
    ["plain text", { ssl: false }, "28000"],
    ["another database than the login's", { database: "postgres" }, "28000"],
    ["the superuser over the network", { user: "supabase_admin", password: "any" }, "28000"],
  ] as const)("refuses %s", async (_, question, code) => {
    const answer = await ask(lab, question);
    expect(answer.rows).toBeUndefined();
    expect(answer.code, answer.message).toBe(code);
  });

  it.each(["rewind", "standby", "pgbouncer"])(
    "refuses the pods' own login %s outside, through the leader's node, too, and with its password",
    async (user) => {
      const { nodes, postgres } = await lab.status();
      const leader = postgres?.members.find(({ role }) => role === "leader")?.node;
      const host = nodes.find(({ name }) => name === leader)?.publicIp ?? "";
      for (const database of ["app", "postgres"]) {
        expect(await ask(lab, { host, user, database })).toMatchObject({
          code: "28000",
          message: expect.stringContaining("pg_hba.conf rejects connection"),
        });
      }
    },
  );

  it("refuses an address outside of the configured networks", async () => {
    const answer = await ask(lab, { from: "stranger" });
    expect(answer.rows).toBeUndefined();
    expect(answer.message).toMatch(/terminated|timeout|ECONNRESET|closed/i);
  });

  it("stores no md5", async () => {
    const query =
      "SELECT count(*) FROM pg_authid WHERE rolpassword IS NOT NULL AND rolpassword NOT LIKE 'SCRAM-SHA-256$%'";
    expect(await psql(lab, query)).toBe("0");
  });

  it("can't be reached by pods without the label, of the program's namespaces or of others", async () => {
    const reaches = async (namespace: string, pod: string, address: string, port: number) =>
      (await cluster.kubectl("-n", namespace, "exec", pod, "--", "nc", "-w", "2", address, String(port)))
        .code === 0;
    const ip = await cluster.get("-n", MEMBERS, "get", "pod", "postgres-0", "-o", "jsonpath={.status.podIP}");
    const primary = await cluster.get(
      "-n",
      MEMBERS,
      "get",
      "service",
      "postgres-primary",
      "-o",
      "jsonpath={.spec.clusterIP}",
    );
    const places = [
      [ip, 5432],
      [ip, 8008],
      [primary, 5432],
      ["10.0.1.12", 5432],
      ["10.0.1.12", 30541],
    ] as const;
    const tries = places.flatMap(([address, port]) =>
      (["default foreign", "apps ordinary"] as const).map(async (who) => {
        const [namespace = "", pod = ""] = who.split(" ");
        return (await reaches(namespace, pod, address, port)) ? [`${who} ${address}:${port}`] : [];
      }),
    );
    expect((await Promise.all(tries)).flat()).toEqual([]);
    await cluster.get("-n", "apps", "label", "pod", "ordinary", "gardenos/database=true");
    await vi.waitFor(async () => expect(await reaches("apps", "ordinary", primary, 5432)).toBe(true), SOON);
    await cluster.get("-n", "apps", "label", "pod", "ordinary", "gardenos/database-");
  });
});

describe("a member that can't reach etcd", () => {
  // Pods reach their own node's etcd by its input, the others by being forwarded.
  const chain = (hook: string) =>
    `add chain inet cut ${hook} { type filter hook ${hook} priority -10; }; ` +
    `add rule inet cut ${hook} ip saddr 10.42.0.0/16 tcp dport 2379 drop`;
  const PULL = `nft 'add table inet cut; ${chain("forward")}; ${chain("input")}'`;
  const EMPTY = "find /var/lib/gardenos/postgres -mindepth 1 -delete";

  it("starts no Postgres, with its data or without", async () => {
    const replica = (await lab.status()).postgres?.members.find(({ role }) => role === "replica");
    const { name = "", node = "" } = replica ?? {};
    await lab.output(node, PULL);
    try {
      for (const prepare of ["true", EMPTY]) {
        await cluster.get("-n", MEMBERS, "delete", "pod", name);
        await lab.output(node, prepare);
        await vi.waitFor(async () => {
          const tries =
            (await memberLogs(cluster, name)).match(/waiting on etcd|No more API server nodes/g) ?? [];
          expect(tries.length).toBeGreaterThan(1);
        }, SOON);
        expect((await lab.on(node, "pgrep -x postgres")).stdout, prepare).toBe("");
        expect(rolesIn(await lab.status()), prepare).toMatchObject({ leader: 1, sync_standby: 1 });
      }
    } finally {
      await lab.output(node, "nft delete table inet cut");
    }
    await untilWell(lab);
    expect(await readKept(lab)).toEqual(KEPT);
  });
});
