/** Servers. */
import { createHash } from "node:crypto";
import { z } from "zod";
import type { Existing, Properties } from "../../engine/driver.ts";
import { parseInputs } from "../properties.ts";
import { actionAnswer, type Client, readAnswer } from "./client.ts";
import { orGone } from "./errors.ts";
import {
  apiObject,
  findByName,
  flag,
  isSame,
  type Kind,
  labels,
  name,
  type Recorded,
  reference,
} from "./kind.ts";
import { nameAndLabels } from "./named.ts";

const off = z.literal(false, { error: "the lab's driver does not support it" }).default(false);
const serverInputs = z.strictObject({
  name,
  serverType: z.string(),
  image: z.string().min(1),
  location: z.string().optional(),
  userData: z.string().optional(),
  sshKeys: z.array(z.string()).default([]),
  labels,
  firewallIds: z.array(reference).optional(),
  placementGroupId: reference.optional(),
  publicNets: z
    .array(z.object({ ipv4Enabled: z.boolean().default(true), ipv6Enabled: z.boolean().default(true) }))
    .max(1)
    .optional(),
  keepDisk: flag,
  deleteProtection: flag,
  rebuildProtection: flag,
  ignoreRemoteFirewallIds: flag,
  backups: off,
  shutdownBeforeDeletion: off,
});
type ServerInputs = z.infer<typeof serverInputs>;

const server = z.object({
  id: z.number(),
  name: z.string(),
  status: z.string(),
  locked: z.boolean().default(false),
  labels: z.record(z.string(), z.string()).default({}),
  server_type: z.object({ name: z.string() }),
  location: z.object({ name: z.string() }).optional(),
  datacenter: z.object({ name: z.string(), location: z.object({ name: z.string() }) }).nullish(),
  image: z.object({ id: z.number(), name: z.string().nullish() }).nullish(),
  backup_window: z.string().nullish(),
  primary_disk_size: z.number(),
  protection: z.object({ delete: z.boolean(), rebuild: z.boolean() }),
  placement_group: apiObject.nullish(),
  public_net: z.object({
    ipv4: z.object({ ip: z.string() }).nullish(),
    ipv6: z.object({ ip: z.string() }).nullish(),
    firewalls: z.array(z.object({ id: z.number() })).default([]),
  }),
});
type ApiServer = z.infer<typeof server>;
const serverAnswer = z.object({ server });

const get = async (client: Client, id: string | number): Promise<ApiServer> =>
  (await client.call("GET", `/servers/${id}`, serverAnswer)).server;

const act = (client: Client, id: string | number, action: string, body?: object): Promise<void> =>
  client.run("POST", `/servers/${id}/actions/${action}`, { body });

function outputsOf(one: ApiServer, inputs: Properties): Properties {
  const { ipv4, ipv6, firewalls } = one.public_net;
  const { image, userData, ignoreRemoteFirewallIds = false, keepDisk = false } = inputs;
  const isImageId = one.image?.name == null || String(one.image.id) === image;
  return {
    name: one.name,
    status: one.status,
    serverType: one.server_type.name,
    location: one.location?.name ?? one.datacenter?.location.name,
    datacenter: one.datacenter?.name,
    // An image that Hetzner has withdrawn is no drift.
    image: one.image == null ? image : isImageId ? String(one.image.id) : one.image.name,
    labels: one.labels,
    backups: Boolean(one.backup_window),
    backupWindow: one.backup_window ?? "",
    primaryDiskSize: one.primary_disk_size,
    deleteProtection: one.protection.delete,
    rebuildProtection: one.protection.rebuild,
    firewallIds: firewalls.map(({ id }) => id),
    ignoreRemoteFirewallIds,
    keepDisk,
    shutdownBeforeDeletion: false,
    placementGroupId: one.placement_group?.id,
    // Those of the server's own `networks` blocks, which the driver has not.
    networks: [],
    ipv4Address: ipv4?.ip,
    ipv6Address: ipv6?.ip.replace(/\/64$/, "1") ?? "",
    // As the real provider prints a missing one.
    ipv6Network: ipv6?.ip ?? "<nil>",
    // As in Terraform's state: what is recorded is the hash.
    userData: typeof userData === "string" ? createHash("sha1").update(userData).digest("base64") : undefined,
  };
}

const existing = (one: ApiServer, inputs: Properties): Existing => ({
  id: String(one.id),
  outputs: outputsOf(one, inputs),
});

/** The numeric id of the image for the processor of this server type. */
async function imageId(client: Client, { image, serverType }: ServerInputs): Promise<number> {
  const found = await findByName(client, "server_types", serverType);
  if (found === undefined)
    throw new Error(
      `hcloud: there is no server type ${serverType}: choose one of hetzner.com/cloud in the config`,
    );
  const { architecture } = readAnswer(z.object({ architecture: z.string() }), found, "server_type");
  if (/^\d+$/.test(image)) return Number(image);
  const query = new URLSearchParams({ name: image, architecture, include_deprecated: "true" });
  const answer = await client.call("GET", `/images?${query}`, z.object({ images: z.array(apiObject) }));
  const id = answer.images[0]?.id;
  if (id !== undefined) return id;
  throw new Error(`hcloud: there is no image ${image} for ${architecture}: choose another in the config`);
}

/** Keys are named by id or by name. */
async function sshKeyIds(client: Client, { sshKeys }: ServerInputs): Promise<number[]> {
  const ids: number[] = [];
  for (const key of sshKeys) {
    const id = /^\d+$/.test(key) ? Number(key) : (await findByName(client, "ssh_keys", key))?.id;
    if (id === undefined) throw new Error(`hcloud: there is no SSH key ${key} in the project`);
    ids.push(id);
  }
  return ids;
}

function publicNet({ publicNets }: ServerInputs): object | undefined {
  const wanted = publicNets?.[0];
  return wanted && { enable_ipv4: wanted.ipv4Enabled, enable_ipv6: wanted.ipv6Enabled };
}

/** The step after the create call; repeated on a change and for one that was found. */
async function setProtection(client: Client, one: ApiServer, inputs: Properties): Promise<void> {
  const wanted = {
    delete: inputs["deleteProtection"] ?? false,
    rebuild: inputs["rebuildProtection"] ?? false,
  };
  if (isSame(one.protection, wanted)) return;
  await act(client, one.id, "change_protection", wanted);
}

/** As the real provider: off, then the change, after which the API starts the server again. */
async function changeType(client: Client, one: ApiServer, news: ServerInputs): Promise<void> {
  if (one.server_type.name === news.serverType) return;
  if (one.status === "running") await act(client, one.id, "poweroff");
  const body = { server_type: news.serverType, upgrade_disk: !news.keepDisk };
  await act(client, one.id, "change_type", body);
}

async function changeFirewalls(client: Client, one: ApiServer, wanted: readonly number[]): Promise<void> {
  const present = one.public_net.firewalls.map(({ id }) => id);
  const resources = [{ type: "server", server: { id: one.id } }];
  for (const id of present.filter((id) => !wanted.includes(id)))
    await client.run("POST", `/firewalls/${id}/actions/remove_from_resources`, {
      body: { remove_from: resources },
    });
  for (const id of wanted.filter((id) => !present.includes(id)))
    await client.run("POST", `/firewalls/${id}/actions/apply_to_resources`, {
      body: { apply_to: resources },
    });
}

async function create(client: Client, inputs: Properties): Promise<Existing> {
  const wanted = parseInputs(serverInputs, "Server", inputs);
  const body = {
    name: wanted.name,
    server_type: wanted.serverType,
    image: await imageId(client, wanted),
    location: wanted.location,
    user_data: wanted.userData,
    labels: wanted.labels,
    ssh_keys: await sshKeyIds(client, wanted),
    firewalls: wanted.firewallIds?.map((firewall) => ({ firewall })),
    placement_group: wanted.placementGroupId,
    public_net: publicNet(wanted),
  };
  const answer = await client.call("POST", "/servers", serverAnswer.extend(actionAnswer.shape), { body });
  await client.finish(answer);
  await setProtection(client, answer.server, inputs);
  return existing(await get(client, answer.server.id), inputs);
}

async function update(client: Client, old: Recorded, news: Properties): Promise<Properties> {
  const wanted = parseInputs(serverInputs, "Server", news);
  const fixed = ["placementGroupId", "publicNets"].find((key) => !isSame(old.inputs[key], news[key]));
  if (fixed !== undefined)
    throw new Error(`Server: the lab's driver can't change ${fixed}: destroy the server and make it again`);
  const one = await get(client, old.id);
  const body = nameAndLabels(old, news);
  if (body) await client.call("PUT", `/servers/${old.id}`, z.unknown(), { body });
  await changeType(client, one, wanted);
  if (wanted.firewallIds && !wanted.ignoreRemoteFirewallIds)
    await changeFirewalls(client, one, wanted.firewallIds);
  await setProtection(client, one, news);
  return outputsOf(await get(client, old.id), news);
}

/** Waits for the create that was interrupted, and does the step that was left. */
async function find(client: Client, inputs: Properties): Promise<Existing | undefined> {
  const found = await findByName(client, "servers", String(inputs["name"]));
  if (found === undefined) return undefined;
  let one = readAnswer(server, found, "server");
  const isReady = async (): Promise<boolean> => {
    one = await get(client, found.id);
    return !one.locked && (one.status === "running" || one.status === "off");
  };
  if (!(await isReady())) await client.until(isReady);
  await setProtection(client, one, inputs);
  return existing(await get(client, one.id), inputs);
}

export const serverKind: Kind = {
  schema: serverInputs,
  isOldSdk: true,
  replace: ["image", "location", "sshKeys", "userData"],
  observed: [
    ...["name", "serverType", "image", "location", "labels", "firewallIds", "placementGroupId"],
    ...["deleteProtection", "rebuildProtection", "backups"],
  ],
  create,
  update,
  find,
  async read(client, old) {
    const one = await orGone(get(client, old.id));
    return one && existing(one, old.inputs);
  },
  async delete(client, old) {
    await orGone(client.run("DELETE", `/servers/${old.id}`));
  },
};
