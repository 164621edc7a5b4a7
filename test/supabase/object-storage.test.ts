/** The lab's object storage on loopback, and what the stand-in for Supabase's storage finds there. */
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ObjectStorage } from "../../lab/object-storage/server.ts";
import { freePort } from "../drivers/support/sshd.ts";
import { eventually } from "../machines/support/eventually.ts";

const TREE = process.env["GARDENOS_TEST_SUPABASE_STAND_IN"] ?? "";
const IN_IMAGE = join(import.meta.dirname, "../support/in-image.sh");
const SECRET = "CANARY-of-a-secret-key";

const options = {
  program: process.env["GARDENOS_TEST_VERSITYGW"] ?? "",
  ...{ region: "lab", bucket: "files", accessKeyId: "lab-supabase", secretAccessKey: SECRET },
};

let dir: string;
let address: string;
let storage: ObjectStorage;
let said: string[];

const read = (path: string): string => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
};

/** Ids and command lines of servers on this test's folder. */
const running = () =>
  readdirSync("/proc")
    .map((pid) => ({ pid: Number(pid), command: read(`/proc/${pid}/cmdline`).replaceAll("\0", " ") }))
    .filter(({ pid, command }) => pid > 0 && command.includes(dir));

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "gardenos-storage-"));
  address = `127.0.0.1:${await freePort()}`;
  said = [];
  storage = new ObjectStorage({ dir, address, log: (line) => said.push(line) });
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await storage.close();
  rmSync(dir, { recursive: true });
});

const SCRIPT = `
import json, os
from stand_in.bucket import wrong_bucket
print(json.dumps(wrong_bucket("storage", dict(os.environ))))`;

/** What the stand-in says in its own image; empty when it is content. */
async function standIn(change: Readonly<Record<string, string>> = {}): Promise<readonly string[]> {
  const work = mkdtempSync(join(tmpdir(), "gardenos-stand-in-"));
  const env = {
    ...{ PATH: process.env["PATH"], PYTHONPATH: "/app", PYTHONDONTWRITEBYTECODE: "1", TENANT_ID: "lab" },
    ...{ STORAGE_S3_ENDPOINT: `http://${address}`, STORAGE_S3_REGION: "lab", STORAGE_S3_BUCKET: "files" },
    ...{ STORAGE_S3_FORCE_PATH_STYLE: "true" },
    ...{ AWS_ACCESS_KEY_ID: options.accessKeyId, AWS_SECRET_ACCESS_KEY: SECRET, ...change },
  };
  const confine = ["--mount", "--pid", "--fork", "--kill-child", IN_IMAGE, TREE, work];
  try {
    const { stdout } = await promisify(execFile)("unshare", [...confine, "python3", "-c", SCRIPT], { env });
    return JSON.parse(stdout);
  } finally {
    rmSync(work, { recursive: true });
  }
}

describe("object storage", () => {
  it("shows no key, and goes on as it is when it is started again", async () => {
    await storage.start(options);
    const before = running();
    expect(before).toHaveLength(1);
    expect(before[0]?.command).not.toContain(SECRET);
    await storage.start(options);
    expect(running()).toEqual(before);
  });

  it("takes another bucket and another key, and keeps the files", async () => {
    await storage.start(options);
    await storage.start({ ...options, bucket: "more", secretAccessKey: "another" });
    expect(await standIn({ AWS_SECRET_ACCESS_KEY: "another" })).toEqual([]);
    expect(await standIn({ AWS_SECRET_ACCESS_KEY: "another", STORAGE_S3_BUCKET: "more" })).toEqual([]);
    expect(running()).toHaveLength(1);
  });

  it("has its own settings and not those of this machine", async () => {
    vi.stubEnv("VGW_READ_ONLY", "true");
    await storage.start(options);
    expect(await standIn()).toEqual([]);
  });

  it("says when it has ended by itself, and can be started again", async () => {
    await storage.start(options);
    process.kill(running()[0]?.pid ?? 0, "SIGKILL");
    await eventually(() =>
      expect(said).toEqual([expect.stringMatching(/^object storage ended with SIGKILL: /)]),
    );
    await storage.start(options);
    expect(running()).toHaveLength(1);
  });

  it("ends without a word when it is told to", async () => {
    await storage.start(options);
    await storage.close();
    expect([running(), said]).toEqual([[], []]);
  });

  it("says why it does not start", async () => {
    await expect(storage.start({ ...options, program: "/missing" })).rejects.toThrow(
      `wanted object storage at ${address}, but it did not start: setpriv: failed to execute /missing`,
    );
  });
});

describe("the stand-in for storage", () => {
  it("keeps a file, reads it back and leaves nothing", async () => {
    await storage.start(options);
    expect(await standIn()).toEqual([]);
    const left = readdirSync(join(dir, "data/files"), { recursive: true, withFileTypes: true });
    expect(left.filter((entry) => entry.isFile())).toEqual([]);
  });

  it.each([
    [
      "a wrong key",
      { AWS_SECRET_ACCESS_KEY: "wrong" },
      "bucket files: PutObject: SignatureDoesNotMatch: The request signature we calculated does not match the signature " +
        "you provided. Check your key and signing method.",
    ],
    [
      "a key of nobody",
      { AWS_ACCESS_KEY_ID: "nobody" },
      "bucket files: PutObject: XAdminUserNotFound: No user exists with the provided access key ID.",
    ],
    [
      "a bucket that is not there",
      { STORAGE_S3_BUCKET: "missing" },
      "bucket missing: PutObject: NoSuchBucket: The specified bucket does not exist.",
    ],
  ])("says what is wrong with %s", async (_, change, sentence) => {
    await storage.start(options);
    expect(await standIn(change)).toEqual([sentence]);
  });

  it("says that nobody answers, at each look the same", async () => {
    const sentence = expect.stringMatching(
      `^bucket files: Could not connect to the endpoint URL: "http://${address}/files/lab/stand-in/[^"]+"$`,
    );
    const first = await standIn();
    expect(first).toEqual([sentence]);
    expect(await standIn()).toEqual(first);
  });
});
