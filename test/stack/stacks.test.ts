import { describe, expect, it } from "vitest";
import { stringify } from "yaml";
import type { Recorded, Recording } from "../support/record.ts";
import { recordStack } from "../support/stack.ts";

const STACKS = ["dev", "prod", "lab"] as const;

/** A command's text begins with what it does, up to the first empty line; the script below is a file of its own. */
function readable(resource: Recorded): Record<string, unknown> {
  const inputs = { ...resource.inputs };
  if (resource.type !== "command:remote:Command") return inputs;
  const header = (text: unknown) => String(text).split("\n\n")[0]?.split("\n");
  const update = inputs["update"] === undefined ? {} : { update: header(inputs["update"]) };
  return { ...inputs, create: header(inputs["create"]), ...update };
}

function dump({ resources, outputs }: Recording): string {
  const rows = resources
    .filter((resource) => resource.type !== "pulumi:pulumi:Stack")
    .sort((a, b) => (`${a.parent}/${a.type}/${a.name}` < `${b.parent}/${b.type}/${b.name}` ? -1 : 1))
    .map((resource) => ({
      [`${resource.type} ${resource.name}`]: {
        parent: resource.parent,
        ...(resource.protect && { protect: true }),
        ...(resource.deleteBeforeReplace && { deleteBeforeReplace: true }),
        ...(resource.ignoreChanges.length > 0 && { ignoreChanges: resource.ignoreChanges }),
        ...(resource.dependsOn.length > 0 && { dependsOn: resource.dependsOn.join(" ") }),
        ...(Object.keys(resource.inputs).length > 0 && { inputs: readable(resource) }),
      },
    }));
  return stringify({ resources: rows, exports: outputs }, { lineWidth: 0, aliasDuplicateObjects: false });
}

describe.each(STACKS)("stack %s", (stack) => {
  it("has exactly the resources of its golden file", async () => {
    await expect(dump(await recordStack(stack))).toMatchFileSnapshot(`../golden/stack/${stack}.yaml`);
  });
});

describe("secrets", () => {
  it("appear in no input that a preview or the clear state shows", async () => {
    const { resources, outputs } = await recordStack("lab");
    const all = JSON.stringify([resources.map((resource) => resource.inputs), outputs]);
    // Drawn like a secret, and made for pages.
    const shown = all.replaceAll("sb_publishable_CANARY", "sb_publishable_");
    expect(shown).not.toContain("CANARY");
    expect(shown).not.toContain(Buffer.from("CANARY").toString("base64").slice(0, 7));
    expect(JSON.stringify(resources.map((resource) => resource.plain))).toContain("CANARY");
  });

  it("reach hosts by stdin only", async () => {
    const { resources } = await recordStack("lab");
    for (const { name, plain } of resources.filter((r) => r.type === "command:remote:Command")) {
      const { stdin: _stdin, connection: _connection, ...rest } = plain;
      expect(JSON.stringify(rest), name).not.toContain("CANARY");
    }
  });
});

describe("connections", () => {
  it("pin a host key, the one-time one only for the step that replaces it", async () => {
    const { resources } = await recordStack("lab");
    const commands = resources.filter((r) => r.type === "command:remote:Command");
    expect(commands.length).toBeGreaterThan(20);
    for (const { name, plain } of commands) {
      const { hostKey } = plain["connection"] as { hostKey: string };
      expect(hostKey, name).toMatch(/^ssh-ed25519 PUBLIC-n\d-(bootstrap-)?host-key$/);
      expect(hostKey.includes("bootstrap"), name).toBe(name.endsWith("-identity"));
    }
  });
});

describe("servers", () => {
  it("are never rebuilt or power-cycled by a changed property, and are guarded where they are declared", async () => {
    const { resources } = await recordStack("prod");
    const servers = resources.filter((r) => r.type === "hcloud:index/server:Server");
    expect(servers.map((s) => s.name)).toEqual(["n1", "n2", "n3"]);
    for (const server of servers) {
      expect(server).toMatchObject({
        protect: true,
        deleteBeforeReplace: true,
        ignoreChanges: ["userData", "image", "sshKeys", "serverType", "location", "placementGroupId"],
        inputs: { deleteProtection: true, rebuildProtection: true, userData: "[secret]" },
      });
      expect(server.inputs).not.toHaveProperty("datacenter");
    }
  });

  it("carry project and stack in every physical name, so that two stacks share a project", async () => {
    const named = async (stack: string) =>
      (await recordStack(stack)).resources
        .filter((r) => r.type.startsWith("hcloud:"))
        .map((r) => r.inputs["name"]);
    const [dev, prod] = [await named("dev"), await named("prod")];
    expect(dev.filter((name) => name !== undefined && prod.includes(name))).toEqual([]);
  });
});

it("a payload is the same bytes for the same bundle", async () => {
  const stdin = async () =>
    (await recordStack("dev")).resources.find((r) => r.name === "etcd-n1-files")?.plain["stdin"] as string;
  expect(await stdin()).toBe(await stdin());
});
