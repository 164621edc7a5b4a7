import { afterEach, describe, expect, it } from "vitest";
import { createHcloudDriver } from "../../lab/drivers/hcloud/index.ts";
import type { Properties } from "../../lab/engine/driver.ts";
import { contextFor, type TestContext } from "./support/context.ts";
import { type Answer, apiError, type RecordedApi, startRecordedApi } from "./support/recorded-api.ts";

const TOKEN = "canary-token-of-the-project";
const KEY = "hcloud:index/sshKey:SshKey";
const SERVER = "hcloud:index/server:Server";
const timing = { pollMs: 1, pollCapMs: 4, retryMs: 1, retryCapMs: 4, retries: 3, rateLimitCapMs: 400 };
const hcloud = createHcloudDriver(timing);

let api: RecordedApi | undefined;
afterEach(() => api?.stop());

async function record(
  answers: Readonly<Record<string, readonly Answer[]>>,
  type = KEY,
): Promise<TestContext> {
  api = await startRecordedApi(answers);
  return contextFor(type, { endpoint: api.endpoint, token: TOKEN });
}

const inputs = { name: "lab-deploy", publicKey: "ssh-ed25519 AAAA" };
const created: Answer = {
  status: 201,
  body: {
    ssh_key: { id: 7, name: "lab-deploy", public_key: "ssh-ed25519 AAAA", fingerprint: "aa:bb", labels: {} },
  },
};
const keyAnswers = (...post: Answer[]) => ({ "POST /v1/ssh_keys": post, "GET /v1/ssh_keys/7": [created] });

describe("errors are sentences with what to do", () => {
  it.each([
    [
      apiError(401, "unauthorized", "unable to authenticate"),
      "hcloud: POST /ssh_keys: 401 unauthorized: unable to authenticate. The token is not valid: make one in the " +
        "project's console and set it (hcloud:token or HCLOUD_TOKEN).",
    ],
    [
      apiError(403, "forbidden", "insufficient permissions"),
      "hcloud: POST /ssh_keys: 403 forbidden: insufficient permissions. The token may not do this: make one with " +
        "read and write permission and set it.",
    ],
    [
      apiError(409, "uniqueness_error", "SSH key not unique"),
      "hcloud: POST /ssh_keys: 409 uniqueness_error: SSH key not unique. The project already has one of that name " +
        "or key: delete or rename it, then run again.",
    ],
    [
      apiError(412, "resource_unavailable", "server type cx23 is unavailable in hel1."),
      "hcloud: POST /ssh_keys: 412 resource_unavailable: server type cx23 is unavailable in hel1. Choose another " +
        "server type or location in the config.",
    ],
    [
      {
        status: 422,
        body: {
          error: {
            code: "invalid_input",
            message: "invalid input",
            details: { fields: [{ name: "public_key", messages: ["is no key"] }] },
          },
        },
      },
      "hcloud: POST /ssh_keys: 422 invalid_input: invalid input; public_key: is no key. The API refuses a value: " +
        "correct it in the config.",
    ],
    [
      apiError(423, "protected", "resource is protected"),
      "hcloud: POST /ssh_keys: 423 protected: resource is protected. It is protected against deletion: switch its " +
        "protection off in the config, run, then try again.",
    ],
    [
      { status: 418 },
      "hcloud: POST /ssh_keys: 418 unknown: I'm a Teapot. Run again with this message at hand; the API's " +
        "documentation explains the code.",
    ],
  ])("and come at once: %#", async (answer, message) => {
    const ctx = await record(keyAnswers(answer));
    await expect(hcloud.create(ctx, inputs)).rejects.toMatchObject({ message });
    expect(api?.calls).toHaveLength(1);
  });

  it.each([
    [
      apiError(423, "locked", "an action is running"),
      "hcloud: POST /ssh_keys: 423 locked: an action is running. Another action is still running on it: wait a " +
        "moment and run again.",
    ],
    [
      apiError(409, "conflict", "changed meanwhile"),
      "hcloud: POST /ssh_keys: 409 conflict: changed meanwhile. Something else is changing it: wait a moment and " +
        "run again.",
    ],
    [
      apiError(503, "unavailable", "maintenance"),
      "hcloud: POST /ssh_keys: 503 unavailable: maintenance. The fault is on the API's side: see " +
        "status.hetzner.com, wait and run again.",
    ],
    [
      apiError(429, "rate_limit_exceeded", "limit of 3600 requests per hour reached"),
      "hcloud: POST /ssh_keys: 429 rate_limit_exceeded: limit of 3600 requests per hour reached. The project's " +
        "calls for this hour are used up: wait and run again.",
    ],
  ])("and come after the retries: %#", async (answer, message) => {
    const ctx = await record(keyAnswers(answer));
    await expect(hcloud.create(ctx, inputs)).rejects.toMatchObject({ message });
    expect(api?.calls).toHaveLength(1 + timing.retries);
  });

  it("when nothing answers", async () => {
    const ctx = await record({});
    await api?.stop();
    await expect(hcloud.create(ctx, inputs)).rejects.toMatchObject({
      message:
        `hcloud: POST /ssh_keys: unreachable: nothing answers at ${api?.endpoint} (ECONNREFUSED). Check the network ` +
        "and the endpoint (hcloud:endpoint or HCLOUD_ENDPOINT); in the lab, see that it is up.",
    });
  });

  it("when an answer has another form", async () => {
    const ctx = await record({ "POST /v1/ssh_keys": [{ body: { key: 1 } }] });
    await expect(hcloud.create(ctx, inputs)).rejects.toThrow(/^hcloud: ssh_key: unexpected answer: /);
  });

  it("when there is no token", async () => {
    await expect(hcloud.create(contextFor(KEY, { endpoint: "http://127.0.0.1:1" }), inputs)).rejects.toThrow(
      "hcloud: no token: set it (pulumi config set --secret hcloud:token, or HCLOUD_TOKEN)",
    );
  });

  it("without the token, even when the API quotes it", async () => {
    const ctx = await record(keyAnswers(apiError(401, "unauthorized", `bad token ${TOKEN}`)));
    const error: Error = await hcloud.create(ctx, inputs).then(
      () => new Error("succeeded"),
      (reason: Error) => reason,
    );
    expect(error.message).toContain("bad token [token]");
    expect(`${error.stack}${JSON.stringify(error)}${ctx.lines.join()}`).not.toContain(TOKEN);
  });
});

describe("what passes is sat out", () => {
  const created7 = { id: "7", outputs: { ...inputs, id: "7", fingerprint: "aa:bb", labels: {} } };

  it("a lock, a conflict, a bad gateway, then success", async () => {
    const passing = [apiError(423, "locked", ""), apiError(409, "conflict", ""), { status: 502 }];
    const ctx = await record(keyAnswers(...passing, created));
    expect(await hcloud.create(ctx, inputs)).toEqual(created7);
    expect(ctx.lines).toEqual([
      "POST /ssh_keys: locked, trying again",
      "POST /ssh_keys: conflict, trying again",
      "POST /ssh_keys: unknown, trying again",
    ]);
  });

  it("a rate limit, until the time it names but no longer than the cap", async () => {
    const reset = String(Math.floor(Date.now() / 1000) + 3600);
    const limited = { ...apiError(429, "rate_limit_exceeded", ""), headers: { "ratelimit-reset": reset } };
    const ctx = await record(keyAnswers(limited, created));
    const before = Date.now();
    expect(await hcloud.create(ctx, inputs)).toEqual(created7);
    expect(Date.now() - before).toBeGreaterThanOrEqual(timing.rateLimitCapMs - 1);
  });

  it("not when the run is cancelled", async () => {
    const ctx = await record(keyAnswers(apiError(423, "locked", "")));
    ctx.abort.abort(new Error("cancelled by hand"));
    await expect(hcloud.create(ctx, inputs)).rejects.toThrow("cancelled by hand");
    expect(api?.calls).toEqual([]);
  });
});

describe("actions", () => {
  const running = { id: 5, command: "delete_server", status: "running", error: null };
  const poll = "GET /v1/actions?id=5&page=1&sort=status&sort=id";
  const recorded = { id: "9", inputs: {} as Properties, outputs: {} };

  it("are polled until they have succeeded", async () => {
    const ctx = await record(
      {
        "DELETE /v1/servers/9": [{ body: { action: running } }],
        [poll]: [
          { body: { actions: [running] } },
          { body: { actions: [{ ...running, status: "success" }] } },
        ],
      },
      SERVER,
    );
    await hcloud.delete?.(ctx, recorded);
    expect(api?.calls).toEqual(["DELETE /v1/servers/9", poll, poll]);
  });

  it("that have succeeded already are not polled", async () => {
    const done = { action: { ...running, status: "success" } };
    const ctx = await record({ "DELETE /v1/servers/9": [{ body: done }] }, SERVER);
    await hcloud.delete?.(ctx, recorded);
    expect(api?.calls).toHaveLength(1);
  });

  it("that fail are told with their reason", async () => {
    const failed = {
      ...running,
      status: "error",
      error: { code: "action_failed", message: "Action failed" },
    };
    const ctx = await record(
      { "DELETE /v1/servers/9": [{ body: { action: running } }], [poll]: [{ body: { actions: [failed] } }] },
      SERVER,
    );
    await expect(hcloud.delete?.(ctx, recorded)).rejects.toThrow(
      "hcloud: action delete_server failed: action_failed: Action failed. Run refresh, then run again.",
    );
  });
});

describe("deletes", () => {
  it.each([
    ["hcloud:index/sshKey:SshKey", "7"],
    ["hcloud:index/network:Network", "7"],
    ["hcloud:index/networkSubnet:NetworkSubnet", "7-10.0.1.0/24"],
    ["hcloud:index/firewall:Firewall", "7"],
    ["hcloud:index/placementGroup:PlacementGroup", "7"],
    ["hcloud:index/server:Server", "7"],
    ["hcloud:index/serverNetwork:ServerNetwork", "7-8"],
  ])("%s that is gone already is done", async (type, id) => {
    const ctx = await record({}, type);
    await hcloud.delete?.(ctx, { id, inputs: {}, outputs: {} });
    expect(api?.calls.length).toBeGreaterThan(0);
  });
});

it("rejects inputs that it would ignore, and marks blocks as the bridge does", () => {
  const news = { name: "n1", serverType: "cx23", image: "debian-13", publicNets: [{ ipv6Enabled: false }] };
  expect(hcloud.check?.(SERVER, news)).toEqual({
    inputs: { ...news, publicNets: [{ ipv6Enabled: false, __defaults: [] }], __defaults: [] },
    failures: [],
  });
  expect(hcloud.check?.(SERVER, { ...news, rescue: "linux64" }).failures).toEqual([
    { property: "rescue", reason: "the lab's driver does not support it" },
  ]);
  expect(hcloud.check?.(KEY, inputs).inputs).toEqual(inputs);
});
