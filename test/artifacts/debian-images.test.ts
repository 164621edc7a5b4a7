import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { defaultCacheDir } from "../../lab/artifacts/cache.ts";
import { buildDebianImageTree } from "../../lab/artifacts/debian-images.ts";
import { DEBIAN_IMAGES, type DebianImageName, imagePackages } from "../../lab/artifacts/debian-recipes.ts";
import { missingTools } from "../../lab/artifacts/tools.ts";
import { IMAGE_NAMES, VERSIONS } from "../../plan/versions.ts";

const IN_IMAGE = join(import.meta.dirname, "../support/in-image.sh");
/** Real builds, from the shared cache when it has them; a minute each when it hasn't. */
const BUILD_MS = 15 * 60_000;
const isRoot = process.getuid?.() === 0;
const lacking = [...(isRoot ? [] : ["root"]), ...missingTools().map(({ tool }) => tool)];
const unlessReady = lacking.length > 0 ? ` (skipped: needs ${lacking.join(", ")})` : "";
const names = Object.keys(DEBIAN_IMAGES) as DebianImageName[];

/** What production builds, too. The lab alone builds the others, in place of images that it can't pull. */
const withDockerfile = names.filter((name) => existsSync(join(DEBIAN_IMAGES[name].recipe, "Dockerfile")));

const file = (name: DebianImageName, path: string) =>
  readFileSync(join(DEBIAN_IMAGES[name].recipe, path), "utf8");

/** Lines of an image's Dockerfile, those that go on in the next one joined. */
const dockerfile = (name: DebianImageName) =>
  file(name, "Dockerfile")
    .replaceAll(/ *\\\n */g, " ")
    .split("\n");

describe.each(withDockerfile)("the Dockerfile of %s", (name) => {
  const { config, user, recipe } = DEBIAN_IMAGES[name];
  const lines = dockerfile(name);

  it("starts it as the lab does, as a user by number", () => {
    expect(lines).toContain(`USER ${config.user}`);
    expect(lines).toContain(
      `CMD ${JSON.stringify("cmd" in config ? config.cmd : []).replaceAll('","', '", "')}`,
    );
    const env = Object.entries(config.env).map(([key, value]) => `${key}=${value}`);
    expect(lines).toContain(`ENV ${env.join(" ")}`);
  });

  it("uses the lab's list and scripts, the user before the packages and the cleaning after them", () => {
    const text = lines.join("\n");
    const steps = [
      `sh /build/prepare.sh ${user.join(" ")}`,
      "sed 's/#.*//' /build/packages.txt | xargs apt-get install --yes --no-install-recommends",
      "sh /build/finish.sh",
      "FROM scratch",
    ].map((step) => text.indexOf(step));
    expect(steps).not.toContain(-1);
    expect(steps).toEqual(steps.toSorted((a, b) => a - b));
    expect(text).toContain(`${basename(recipe)}/packages.txt /build/`);
  });
});

describe("the recipes", () => {
  it("have the versions that the program states", () => {
    expect(imagePackages("postgres")).toContain(`postgresql-${VERSIONS.postgres}`);
    expect(file("postgres", "requirements.txt")).toMatch(
      new RegExp(`^patroni==${VERSIONS.patroni} --hash=sha256:[0-9a-f]{64}$`, "m"),
    );
    expect(file("pgbouncer", "Dockerfile")).toContain(`pgbouncer)" ge ${VERSIONS.pgbouncerFloor}`);
    expect(withDockerfile).toEqual([...Object.keys(IMAGE_NAMES), "fastapiApp"]);
  });

  it("bring no compiler, downloader or manual", () => {
    for (const name of names) expect(imagePackages(name)).not.toContain("curl");
  });
});

/** Whether a version is the floor or newer; both dotted numbers. */
function atLeast(version: string, floor: string): boolean {
  return version.localeCompare(floor, "en", { numeric: true }) >= 0;
}

const TREES: Partial<Record<DebianImageName, string>> = {};

/** Runs a script in an image as its user. */
function inImage(name: DebianImageName, script: string): string {
  const work = mkdtempSync(join(tmpdir(), "in-image-"));
  const environment = Object.entries(DEBIAN_IMAGES[name].config.env).map(([key, value]) => `${key}=${value}`);
  const confine = ["--mount", "--pid", "--fork", "--kill-child", "--net", IN_IMAGE];
  const command = ["/usr/bin/env", "-i", ...environment, "/bin/sh", "-eu"];
  try {
    return execFileSync("unshare", [...confine, TREES[name] ?? "", work, ...command], {
      input: script,
      encoding: "utf8",
    });
  } finally {
    rmSync(work, { recursive: true });
  }
}

describe.skipIf(lacking.length > 0)(`the lab's build${unlessReady}`, () => {
  beforeAll(async () => {
    const onProgress = (line: string) => console.log(line);
    for (const name of names) {
      const options = { cacheDir: defaultCacheDir(), onProgress, log: () => undefined };
      TREES[name] = (await buildDebianImageTree(name, options)).dir;
    }
  }, BUILD_MS);

  it.each<[DebianImageName, string, RegExp, string]>([
    ["postgres", "postgres --version", /PostgreSQL\) ([\d.]+)/, VERSIONS.postgres],
    ["postgres", "patroni --version", /patroni ([\d.]+)/, VERSIONS.patroniFloor],
    ["postgres", "pgbackrest version", /pgBackRest ([\d.]+)/, "2.55"],
    ["pgbouncer", "pgbouncer --version", /PgBouncer ([\d.]+)/, VERSIONS.pgbouncerFloor],
    ["haproxy", "haproxy -v", /HAProxy version ([\d.]+)/, VERSIONS.haproxyFloor],
  ])("of %s answers to `%s`", (name, command, pattern, floor) => {
    const version = pattern.exec(inImage(name, command))?.[1] ?? "nothing";
    expect([version, atLeast(version, floor)]).toEqual([version, true]);
  });

  it.each(names)(
    "of %s has no package manager, downloader, interpreter of Perl, log, key or setuid program",
    (name) => {
      const root = TREES[name] ?? "";
      const unwanted = ["usr/bin/apt-get", "usr/bin/curl", "usr/bin/perl", "etc/ssl/private", "etc/apt"];
      expect(unwanted.filter((path) => existsSync(join(root, path)))).toEqual([]);
      for (const empty of ["var/log", "var/cache", "tmp"]) expect(readdirSync(join(root, empty))).toEqual([]);
      const setuid = ["-xdev", "-type", "f", "-perm", "/6000"];
      expect(execFileSync("find", [root, ...setuid], { encoding: "utf8" })).toBe("");
    },
  );

  it("of Postgres talks to etcd by its third API, and needs no writable root for Python", () => {
    expect(inImage("postgres", "python3 -v -c 'import patroni.dcs.etcd3' 2>&1")).not.toMatch(
      /could not create|# wrote|Error/,
    );
  });

  it("of Postgres makes a database with every extension that is promised", () => {
    const script = `
      data=/var/lib/postgresql/data
      initdb -D $data --auth=trust --encoding=UTF8 --data-checksums \\
        --locale-provider=builtin --builtin-locale=C.UTF-8 --locale=C.UTF-8 >/dev/null
      cat >>$data/postgresql.conf <<'END'
      listen_addresses = ''
      unix_socket_directories = '/run/postgresql'
      shared_preload_libraries = 'pg_cron,pgaudit,pg_stat_statements'
      wal_level = logical
      output_plugin_libraries = 'pgoutput,wal2json'
      jit_above_cost = 0
END
      pg_ctl start --wait -D $data -l /tmp/log >/dev/null || { cat /tmp/log; exit 1; }
      psql -XqAt -v ON_ERROR_STOP=1 -h /run/postgresql postgres <<'END'
      CREATE EXTENSION vector;
      CREATE EXTENSION pg_cron;
      CREATE EXTENSION pgaudit;
      CREATE EXTENSION pg_stat_statements;
      CREATE EXTENSION pgcrypto;
      CREATE EXTENSION "uuid-ossp";
      CREATE EXTENSION pg_trgm;
      CREATE TABLE t (id int PRIMARY KEY, v vector(2));
      SELECT count(*) > 0 FROM pg_create_logical_replication_slot('s', 'wal2json');
      INSERT INTO t VALUES (1, '[3,4]');
      SELECT v <-> '[0,0]' FROM t;
      SELECT data::jsonb #>> '{change,0,kind}' FROM pg_logical_slot_get_changes('s', NULL, NULL);
END
      pg_ctl stop -D $data -m fast >/dev/null`;
    expect(inImage("postgres", script).trim().split("\n").filter(Boolean)).toEqual(["t", "5", "insert"]);
  });
});
