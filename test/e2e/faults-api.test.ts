/** Bad input, and an API that says no: each is told with what to do, nothing is left half-done, and the next run goes on. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { FaultInput } from "../../lab/cloud/faults.ts";
import { Checkout } from "./support/checkout.ts";
import { NODES } from "./support/etcd.ts";
import { addFault, expectFailure, inventory } from "./support/faults.ts";

let lab: Checkout;

beforeAll(() => {
  lab = new Checkout();
});
afterAll(() => lab.dispose());

describe("ten mistakes in Pulumi.lab.yaml", () => {
  const WRONG: readonly (readonly [readonly string[], unknown])[] = [
    [["gardenos:environment"], "production"],
    [["gardenos:serverType"], "big"],
    [["gardenos:nodes", "n1", "location"], "fsn9"],
    [["gardenos:nodes", "n2", "privateIp"], "10.0.1"],
    [["gardenos:nodes", "n3", "loaction"], "fsn1"],
    [["gardenos:network"], { cidr: "10.0.0.1/16" }],
    [["gardenos:adminCidrs"], ["203.0.113.10"]],
    [["gardenos:etcd"], { version: "3.6.1" }],
    [["gardenos:protect"], "perhaps"],
    [["gardenos:colour"], "green"],
  ];

  it("are all told at once, each with its way out, before anything is made", async () => {
    const file = join(lab.dir, "Pulumi.lab.yaml");
    const good = readFileSync(file, "utf8");
    for (const [path, value] of WRONG) lab.configure(path, value);
    const outcome = await lab.lab("up");
    writeFileSync(file, good);
    expect(outcome.code).toBe(1);
    expect(outcome.stdout).toBe("");
    const [heading, ...blocks] = outcome.stderr.trimEnd().split("\n\n");
    expect(blocks.pop()).toBe("The lab reads Pulumi.lab.yaml itself: edit it.");
    expect(heading).toBe("lab: Pulumi.lab.yaml: 10 problems. Nothing was changed.");
    const told = blocks.map((block) =>
      /^ {2}(\S+)\n {4}got {3}(.+)\n {4}want {2}.+\n {4}fix {3}.+$/.exec(block),
    );
    expect(Object.fromEntries(told.map((block) => block?.slice(1) ?? []))).toEqual({
      "gardenos:environment": '"production"',
      "gardenos:serverType": '"big"',
      "gardenos:nodes.n1.location": '"fsn9"',
      "gardenos:nodes.n2.privateIp": '"10.0.1"',
      "gardenos:nodes.n3.loaction": "a value that is not shown",
      "gardenos:network.cidr": '"10.0.0.1/16"',
      "gardenos:adminCidrs[0]": '"203.0.113.10"',
      "gardenos:etcd.version": '"3.6.1"',
      "gardenos:protect": '"perhaps"',
      "gardenos:colour": "a value that is not shown",
    });
    expect(existsSync(join(lab.dir, ".lab/cloud.json"))).toBe(false);
    expect(existsSync(join(lab.dir, ".lab/daemon.json"))).toBe(false);
  });
});

describe("an API that says no", () => {
  const fault = (method: NonNullable<FaultInput["method"]>, path: string, rest: Omit<FaultInput, "path">) =>
    addFault(lab, { method, path, ...rest });

  it("to a server type that the location does not have", async () => {
    for (const node of NODES) lab.configure(["gardenos:nodes", node, "location"], "ash");
    const outcome = await lab.up();
    expectFailure(outcome, [
      "n1 (hcloud:index/server:Server): hcloud: POST /servers: 422 invalid_input: unsupported location for server type",
      "correct it in the config",
    ]);
    expect(inventory(lab)).toMatchObject({ servers: [] });
    lab.configure(["gardenos:serverType"], "cpx32");
  });

  it.each([
    [
      { status: 401, code: "unauthorized", message: "unable to authenticate" },
      { status: 403, code: "token_readonly", message: "the token is only allowed to perform GET requests" },
      { status: 422, code: "invalid_input", message: "invalid image" },
    ],
    [
      { status: 404, code: "not_found", message: "network not found" },
      { status: 409, code: "uniqueness_error", message: "server name is already used" },
      { status: 412, code: "resource_unavailable", message: "none of that type left" },
    ],
  ])("with %o, %o and %o", async (...answers) => {
    for (const answer of answers) await fault("POST", "/servers", answer);
    const outcome = await lab.up();
    expectFailure(
      outcome,
      answers.map(({ status, code, message }) => `hcloud: POST /servers: ${status} ${code}: ${message}`),
    );
    expect(inventory(lab)).toMatchObject({ servers: [] });
  });

  it("or nothing, though it has done what it was asked for", async () => {
    await fault("POST", "/servers", { drop: "answer" });
    expectFailure(await lab.up(), [
      "hcloud: POST /servers: no_answer: nothing answers at http://127.0.0.1:4100/v1",
      "It may have been done all the same: run again, which looks for what is there by its name.",
    ]);
  });

  it("for a while only, is asked again; nothing is there twice in the end", async () => {
    const attach = "/servers/*/actions/attach_to_network";
    await fault("POST", attach, { status: 409, code: "conflict" });
    await fault("POST", attach, { status: 423, code: "locked" });
    await fault("POST", attach, { status: 503 });
    await fault("POST", "/servers/*/actions/change_protection", { status: 429 });
    await fault("GET", "/servers/*", { drop: "request" });
    const outcome = await lab.up();
    expect(outcome.code, outcome.all).toBe(0);
    const again = [...outcome.stderr.matchAll(/: (\S+ \S+): (\S+), trying again/g)];
    expect(again.map(([, call, code]) => `${call?.replace(/\d+/, "ID")} ${code}`).sort()).toEqual([
      "GET /servers/ID no_answer",
      "POST /servers/ID/actions/attach_to_network conflict",
      "POST /servers/ID/actions/attach_to_network locked",
      "POST /servers/ID/actions/attach_to_network unavailable",
      "POST /servers/ID/actions/change_protection rate_limit_exceeded",
    ]);
    expect(inventory(lab)).toEqual({
      servers: NODES.map((node) => `gardenos-lab-${node}`),
      networks: ["gardenos-lab"],
      firewalls: ["gardenos-lab"],
      placement_groups: ["gardenos-lab-ash"],
      ssh_keys: ["gardenos-lab-deploy"],
    });
  });
});
