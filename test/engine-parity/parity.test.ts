/** The built-in engine on the lab's program, against what the real one has recorded of it. No machines, no CLI. */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LAB_NET } from "../../lab/addresses.ts";
import { type Cloud, startCloud } from "../../lab/cloud/server.ts";
import { drivers } from "../../lab/drivers/index.ts";
import type { Driver } from "../../lab/engine/driver.ts";
import { createEngine } from "../../lab/engine/engine.ts";
import { openState } from "../../lab/engine/state.ts";
import { placeholders, stackConfig } from "../../lab/stack-config.ts";
import { readRepositoryFile, repositoryPath } from "../../lib/repository-file.ts";
import { RecordingHypervisor } from "../cloud/support/recording-hypervisor.ts";
import { type ComparedState, comparedState } from "../support/engine-state.ts";
import { type Difference, differences, type Tolerance, verdict, withoutGained } from "../support/parity.ts";
import { FIXTURE, realEngine } from "../support/real-engine.ts";
import { GAINED, TOLERATED } from "./tolerated.ts";

const STACK = { project: "gardenos", stack: "lab" } as const;
/** Two runs of the program, on a machine that has other things to do. */
const START_MS = 180_000;
const TOKEN = "token-of-the-parity-test";
const real = realEngine();

/** The command driver, but that no host is there to run anything. */
function withoutHosts(command: Driver): Driver {
  const create: Driver["create"] = async (ctx, inputs) => ({
    id: ctx.name + randomBytes(4).toString("hex"),
    outputs: { ...inputs, stdout: "", stderr: "" },
  });
  return { ...command, create };
}

async function runProgram(dir: string, cloud: Cloud): Promise<ComparedState> {
  const file = join(dir, "state.json");
  const passphrase = "passphrase-of-the-parity-test";
  const config = {
    ...placeholders(STACK.stack),
    // The recording is of the hosts: the real Kubernetes provider needs a cluster to talk to.
    "gardenos:profile": "hosts",
    "hcloud:endpoint": cloud.endpoint,
    "hcloud:token": TOKEN,
  };
  const engine = createEngine({
    ...STACK,
    programDir: repositoryPath("."),
    stateFile: file,
    passphrase,
    drivers: { ...drivers, command: withoutHosts(drivers.command) },
    config: stackConfig(STACK.stack, config),
    secretKeys: ["hcloud:token"],
  });
  expect((await engine.up()).errors).toEqual([]);
  const records = [...openState({ ...STACK, file, passphrase }).resources.values()];
  return comparedState(JSON.parse(JSON.stringify(records).replaceAll(cloud.endpoint, LAB_NET.apiUrl)));
}

describe("the built-in engine's state of the lab's program", () => {
  let dir: string;
  let cloud: Cloud;
  let builtin: ComparedState;

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), "parity-"));
    const hypervisor = new RecordingHypervisor();
    cloud = await startCloud({ port: 0, token: TOKEN, stateFile: join(dir, "cloud.json"), hypervisor });
    builtin = withoutGained(await runProgram(dir, cloud), real.resources, GAINED);
  }, START_MS);
  afterAll(async () => {
    await cloud.close();
    rmSync(dir, { recursive: true });
  });

  it("has the resources that the recording has; after a change of the program, record again", () => {
    expect(Object.keys(builtin)).toEqual(Object.keys(real.resources));
  });

  it("equals the real engine's, but for what is tolerated", () => {
    const { unexpected, unneeded } = verdict(differences(real.resources, builtin), TOLERATED);
    expect(unexpected).toEqual([]);
    expect(unneeded).toEqual([]);
  });
});

describe("the recording", () => {
  it("is of the provider versions that the program uses", () => {
    const { dependencies } = JSON.parse(readRepositoryFile("package.json")) as {
      dependencies: Readonly<Record<string, string>>;
    };
    const used = Object.keys(real.recorded.plugins).map((name) => [name, dependencies[`@pulumi/${name}`]]);
    expect(real.recorded.plugins).toEqual(Object.fromEntries(used));
  });

  it("holds no secret and no key, and is small enough to review", () => {
    const text = readRepositoryFile(FIXTURE);
    expect(text).not.toMatch(/-----BEGIN|ssh-ed25519|ciphertext|plaintext|[0-9a-f]{32}/);
    expect(text.length).toBeLessThan(200_000);
  });
});

describe("the comparison", () => {
  const [urn = "", resource] =
    Object.entries(real.resources).find(([each]) => /Server::n1$/.test(each)) ?? [];
  const one = { [urn]: resource } as ComparedState;
  const changed = (change: object): ComparedState => ({ [urn]: { ...resource, ...change } }) as ComparedState;
  const tolerance = (difference: Difference): Tolerance => ({ ...difference, reason: "a test" });

  it("sees a secret that is none, a dependency less, and a resource that is missing", () => {
    const bare = changed({ inputs: { ...resource?.inputs, userData: "<text>" }, dependencies: [] });
    expect(differences(one, bare).map(({ path }) => path)).toEqual(["dependencies", "inputs.userData"]);
    expect(differences(one, {})).toEqual([
      { urn, type: "hcloud:index/server:Server", path: "", real: resource, builtin: undefined },
    ]);
  });

  it("lets through exactly what is tolerated, and complains of a tolerance that nothing needs", () => {
    const [difference] = differences(one, changed({ protect: false }));
    const tolerated = [tolerance(difference as Difference)];
    expect(verdict([difference as Difference], tolerated)).toEqual({ unexpected: [], unneeded: [] });
    expect(verdict([], tolerated)).toEqual({ unexpected: [], unneeded: tolerated });
    const other = { ...(difference as Difference), builtin: "something else" };
    expect(verdict([other], tolerated)).toEqual({ unexpected: [other], unneeded: tolerated });
  });
});
