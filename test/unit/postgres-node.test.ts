/** postgres-node on a cluster that exists in a file: what it does, in which order, and what it refuses. */
import { execFile } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { readRepositoryFile, repositoryPath } from "../../lib/repository-file.ts";

interface Member {
  role: string;
  timeline: number;
  hash: string;
  sysid: string | null;
  down: number;
  started: number;
  state?: string;
  dead?: boolean;
  /** Restarts after which it still has what it had before. */
  slow?: number;
  pending?: Record<string, { old_value: string; new_value: string }>;
}

const member = (role: string): Member => ({
  ...{ role, timeline: 1, hash: "old", sysid: "7", down: 0, started: 1 },
});

const healthy = () => ({
  revision: "old",
  config: { synchronous_mode: true, loop_wait: 5, postgresql: { parameters: { max_connections: 100 } } },
  etcd: { initialize: "7", leader: "postgres-0" } as Record<string, string> | null,
  sqlStatus: [] as number[],
  bootstrap: undefined as string | undefined,
  members: {
    "postgres-0": member("leader"),
    "postgres-1": member("sync_standby"),
    "postgres-2": member("replica"),
  },
});

let dir: string;
let world: ReturnType<typeof healthy>;

beforeEach(() => {
  world = healthy();
  dir = mkdtempSync(join(tmpdir(), "postgres-node-"));
  mkdirSync(join(dir, "bin"));
  for (const name of ["curl", "k3s", "etcdctl"]) {
    symlinkSync(repositoryPath("test/support/postgres-world.sh"), join(dir, "bin", name));
  }
  // Nobody waits here.
  symlinkSync("/bin/true", join(dir, "bin", "sleep"));
  const instances = "postgres-0=10.0.1.11 postgres-1=10.0.1.12 postgres-2=10.0.1.13";
  writeFileSync(
    join(dir, "node.env"),
    `NODE_NAME=n1\nK3S=k3s\nNAMESPACE=postgres-cluster\nSCOPE=gardenos-lab\nINSTANCES='${instances}'\n`,
  );
  writeFileSync(join(dir, "k3s.env"), "SERVERS='n1=10.0.1.11 n2=10.0.1.12 n3=10.0.1.13'\n");
  writeFileSync(join(dir, "ctl.env"), "");
  install();
});
afterEach(() => rmSync(dir, { recursive: true }));

/** @param patience seconds to wait for anything: nobody waits five minutes for a refusal here */
function install(patience?: number): void {
  for (const name of ["postgres-node.sh", "postgres-common.sh", "postgres-roll.sh"]) {
    const text = readRepositoryFile(`files/postgres/${name}`)
      .replaceAll(/\/etc\/(etcd|gardenos)(?!\/postgres)/g, dir)
      .replaceAll("/etc/gardenos/postgres", dir)
      .replaceAll("/run/lock", dir)
      .replaceAll(/wait_for \d+/g, (wait) => (patience === undefined ? wait : `wait_for ${patience}`));
    writeFileSync(join(dir, name), text, { mode: 0o755 });
  }
}

async function node(args: readonly string[], { input = "", env = {} } = {}) {
  const file = join(dir, "state.json");
  writeFileSync(file, JSON.stringify(world));
  const result = await new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    const environment = {
      PATH: `${join(dir, "bin")}:${process.env["PATH"]}`,
      WORLD: dir,
      SERVER_IDS: "1-2-3",
      ...env,
    };
    const child = execFile(
      join(dir, "postgres-node.sh"),
      args,
      { env: environment },
      (error, stdout, stderr) => resolve({ code: Number(error?.code ?? 0), stdout, stderr }),
    );
    // A command that refuses does not read its input.
    child.stdin?.on("error", () => undefined).end(input);
  });
  world = JSON.parse(readFileSync(file, "utf8"));
  return result;
}

const actions = () => {
  const file = join(dir, "actions");
  return existsSync(file) ? readFileSync(file, "utf8").trimEnd().split("\n") : [];
};

const SETTINGS = { postgresql: { parameters: { max_connections: 100 } } };
const converge = (settings: object = SETTINGS) => node(["converge"], { input: JSON.stringify(settings) });

// Every look of the script is a process or three.
vi.setConfig({ testTimeout: 240_000 });

describe("converge", () => {
  it("changes nothing when all is as wanted", async () => {
    expect(await converge()).toMatchObject({ code: 0 });
    expect(actions()).toEqual([]);
  });

  it("replaces replicas, those that commits wait for last, then hands over, then replaces the old leader", async () => {
    world.revision = "new";
    expect(await converge()).toMatchObject({ code: 0, stdout: "" });
    expect(actions()).toEqual([
      "delete postgres-2",
      "delete postgres-1",
      "switchover to postgres-1",
      "delete postgres-0",
    ]);
  });

  it("goes on where an interrupted run left it", async () => {
    world.revision = "new";
    world.members["postgres-2"].hash = "new";
    world.members["postgres-1"].hash = "new";
    await converge();
    expect(actions()).toEqual(["switchover to postgres-1", "delete postgres-0"]);
  });

  it("writes settings, leaves others alone, and restarts who needs it", async () => {
    await converge({ postgresql: { parameters: { max_connections: 200 } } });
    expect(world.config).toMatchObject({
      loop_wait: 5,
      postgresql: { parameters: { max_connections: 200 } },
    });
    expect(actions()).toEqual([
      ...[
        "PATCH",
        "restart postgres-2",
        "restart postgres-1",
        "switchover to postgres-1",
        "restart postgres-0",
      ],
    ]);
  });

  it("restarts the leader first and in place when replicas could not follow with less", async () => {
    await converge({ postgresql: { parameters: { max_connections: 50 } } });
    expect(actions()).toEqual(["PATCH", "restart postgres-0", "restart postgres-2", "restart postgres-1"]);
  });

  it("restarts a replica once more that was quicker than the log of a lower setting", async () => {
    world.members["postgres-2"].slow = 1;
    expect(await converge({ postgresql: { parameters: { max_connections: 50 } } })).toMatchObject({
      code: 0,
    });
    expect(actions()).toEqual([
      ...["PATCH", "restart postgres-0", "restart postgres-2", "restart postgres-1", "restart postgres-2"],
    ]);
  });

  it("gives up after three rounds, with the name of who is not as wanted", async () => {
    install(2);
    world.members["postgres-2"].slow = 9;
    const { code, stderr } = await converge({ postgresql: { parameters: { max_connections: 200 } } });
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining("after three rounds postgres-2 is not as wanted"),
    ]);
  });

  it("begins no roll while a member is not well, and says which", async () => {
    world.revision = "new";
    install(2);
    Object.assign(world.members["postgres-2"], { state: "crashed", hash: "new" });
    const { code, stderr } = await converge();
    expect(code).toBe(1);
    expect(stderr).toContain("rolling was not begun: postgres-2 is crashed.");
    expect(actions()).toEqual([]);
  });

  it("replaces a pod that never came to run when its template is an older one", async () => {
    world.revision = "new";
    Object.assign(world.members["postgres-2"], { state: "crashed", dead: true });
    expect(await converge()).toMatchObject({ code: 0 });
    expect(actions()).toHaveLength(4);
    expect(actions()[0]).toBe("delete postgres-2");
  });

  it("replaces a replica first that is not well and has an older template", async () => {
    world.revision = "new";
    install(2);
    world.members["postgres-1"].state = "crashed";
    expect(await converge()).toMatchObject({ code: 0 });
    expect(actions()).toEqual([
      ...["delete postgres-1", "delete postgres-2", "switchover to postgres-1", "delete postgres-0"],
    ]);
  });

  it("lets another member make the cluster when the one that claimed it was killed, and only then", async () => {
    world.etcd = { initialize: "" };
    world.bootstrap = "dcs: {}";
    for (const each of Object.values(world.members)) {
      Object.assign(each, { role: "replica", sysid: null, state: "stopped" });
    }
    world.members["postgres-2"].state = "initializing new cluster";
    install(2);
    expect(await converge()).toMatchObject({ code: 1 });
    expect(actions()).toEqual([]);
    world.members["postgres-2"].state = "stopped";
    install(60);
    expect(await converge()).toMatchObject({ code: 0 });
    expect(actions()).toEqual(["forget the claim"]);
  });

  it("ends the permission to make a cluster as soon as there is one", async () => {
    world.bootstrap = "dcs: {}";
    await converge();
    expect(world.bootstrap).toBeUndefined();
  });

  it("never makes a new cluster when the old one's data is gone", async () => {
    install(2);
    for (const each of Object.values(world.members)) Object.assign(each, { role: "replica", sysid: null });
    const { code, stderr } = await converge();
    expect(code).toBe(1);
    expect(stderr).toMatch(/all members are empty, and this stack had a cluster\. Nothing was created\./);
    expect(stderr).toContain("pulumi config set --path 'gardenos:postgres.allowNewCluster' '1-2-3'");
  });

  it("tells when there is data and yet no leader", async () => {
    install(2);
    for (const each of Object.values(world.members)) each.role = "replica";
    expect((await converge()).stderr).toContain("though postgres-0 has data: the last words");
  });

  it("refuses what is not an object", async () => {
    expect(await node(["converge"], { input: "[]" })).toMatchObject({ code: 1 });
  });
});

describe("allow-bootstrap", () => {
  const allow = (env = {}) => node(["allow-bootstrap"], { input: "dcs: {}\n", env });
  const empty = () => {
    for (const each of Object.values(world.members)) Object.assign(each, { sysid: null, role: "replica" });
  };

  it("of a stack without a cluster lets the members make one", async () => {
    world.etcd = {};
    empty();
    expect(await allow()).toMatchObject({ code: 0 });
    expect(world.bootstrap).toBe("dcs: {}\n");
  });

  it("does nothing where a cluster is, or was", async () => {
    expect(await allow()).toMatchObject({ code: 0 });
    world.etcd = { initialize: "7" };
    empty();
    expect(await allow({ ALLOW_NEW_CLUSTER: "1-2-4" })).toMatchObject({ code: 0 });
    expect(world.bootstrap).toBeUndefined();
    expect(actions()).toEqual([]);
  });

  it("gives up a cluster only by these servers' ids", async () => {
    world.etcd = { initialize: "7" };
    empty();
    await allow({ ALLOW_NEW_CLUSTER: "1-2-3" });
    expect(actions()).toEqual(["forget", "delete postgres-0 postgres-1 postgres-2"]);
    expect(world.bootstrap).toBe("dcs: {}\n");
  });

  it("gives up nothing while a member is silent: it may have data", async () => {
    world.etcd = { initialize: "7" };
    empty();
    install(1);
    writeFileSync(join(dir, "cut-postgres-1"), "");
    expect(await allow({ ALLOW_NEW_CLUSTER: "1-2-3" })).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("postgres-1 does not answer, and may have data of the old cluster"),
    });
    expect(actions()).toEqual([]);
  });

  it("gives up nothing while a member has data", async () => {
    world.etcd = { initialize: "7" };
    const { code, stderr } = await allow({ ALLOW_NEW_CLUSTER: "1-2-3" });
    expect({ code, stderr }).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("postgres-0 has data"),
    });
    expect(actions()).toEqual([]);
  });

  it("creates nothing while etcd is silent", async () => {
    world.etcd = null;
    expect((await allow()).stderr).toContain("etcd does not answer");
    expect(world.bootstrap).toBeUndefined();
  });
});

describe("sql", () => {
  const sent = () => readFileSync(join(dir, "sql"), "utf8").trimEnd().split("\n");

  it("goes to the leader", async () => {
    expect(await node(["sql"], { input: "select 1" })).toMatchObject({ code: 0 });
    expect(sent()).toEqual(["postgres-0: select 1"]);
  });

  it("is sent once more when the connection broke, and not when it is wrong", async () => {
    world.sqlStatus = [2];
    expect(await node(["sql"], { input: "select 1" })).toMatchObject({ code: 0 });
    world.sqlStatus = [3];
    expect(await node(["sql"], { input: "select" })).toMatchObject({ code: 1 });
    expect(sent()).toHaveLength(3);
  });
});

describe("on-call's commands", () => {
  it("status names roles, nodes and lag", async () => {
    const { stdout } = await node(["status"]);
    expect(JSON.parse(stdout)).toEqual({
      version: "17.6",
      synchronous: true,
      paused: false,
      members: [
        { name: "postgres-0", node: "n1", role: "leader", state: "running", timeline: 1, lagBytes: 0 },
        {
          name: "postgres-1",
          node: "n2",
          role: "sync_standby",
          state: "streaming",
          timeline: 1,
          lagBytes: 0,
        },
        { name: "postgres-2", node: "n3", role: "replica", state: "streaming", timeline: 1, lagBytes: 0 },
      ],
    });
  });

  it("status knows an instance that Patroni has forgotten", async () => {
    world.members["postgres-2"].sysid = null;
    const { stdout } = await node(["status"]);
    expect(JSON.parse(stdout).members[2]).toMatchObject({ name: "postgres-2", node: "n3", state: "absent" });
  });

  it("status is told by whoever answers", async () => {
    writeFileSync(join(dir, "cut-postgres-0"), "");
    expect(await node(["status"])).toMatchObject({ code: 0 });
  });

  it("switchover takes the synchronous standby, and no other", async () => {
    expect((await node(["switchover", "postgres-2"])).stderr).toContain(
      "postgres-2 is no synchronous standby, so it may lack commits. Candidates: postgres-1",
    );
    expect(await node(["switchover"])).toMatchObject({ code: 0 });
    expect(actions()).toEqual(["switchover to postgres-1"]);
    expect(await node(["switchover", "postgres-1"])).toMatchObject({ code: 0 });
    expect(actions()).toHaveLength(1);
  });

  it("reinit copies a replica anew, and never the leader", async () => {
    expect((await node(["reinit", "postgres-0"])).stderr).toContain("postgres-0 is the leader");
    expect(await node(["reinit", "postgres-2"])).toMatchObject({ code: 0 });
    expect(actions()).toEqual(["reinit postgres-2"]);
  });

  it("hands over to nobody when the name is empty: a variable of somebody's script was", async () => {
    for (const command of ["switchover", "restart", "reinit"]) {
      const { code, stderr } = await node([command, ""]);
      expect([code, stderr]).toEqual([1, expect.stringContaining("there is no instance ''; instances are")]);
    }
    expect(actions()).toEqual([]);
  });

  it("names the instances there are", async () => {
    expect((await node(["restart", "postgres-9"])).stderr).toContain(
      "there is no instance postgres-9; instances are postgres-0 postgres-1 postgres-2",
    );
    expect(await node(["sing"])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^postgres-node COMMAND/),
    });
  });
});
