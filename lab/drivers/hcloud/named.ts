/** The simple types: SSH keys, networks, placement groups and firewalls. All are found by their name. */
import { z } from "zod";
import type { Existing, Properties } from "../../engine/driver.ts";
import { defined, parseInputs } from "../properties.ts";
import { actionAnswer, type Client, readAnswer } from "./client.ts";
import { orGone } from "./errors.ts";
import {
  type ApiObject,
  apiObject,
  findByName,
  flag,
  isSame,
  type Kind,
  labels,
  name,
  type Recorded,
} from "./kind.ts";

/** What sets one named type apart from the others. */
interface Named extends Pick<Kind, "schema" | "replace" | "observed" | "isOldSdk" | "blocks"> {
  readonly collection: string;
  /** The key that wraps one of them in an answer. */
  readonly wrapper: string;
  body(inputs: Properties): object;
  outputs(one: ApiObject): Properties;
  /** The steps after the create call; repeated on a change and for one that was found. */
  settle?(client: Client, one: ApiObject, inputs: Properties): Promise<void>;
  /** Lets go of what would keep it from being deleted. */
  release?(client: Client, one: ApiObject): Promise<void>;
  /** Error codes of the delete that pass by themselves. */
  readonly sitOutOnDelete?: readonly string[];
}

/** A kind whose things are found by their names. */
export function namedKind(named: Named): Kind {
  const { collection, wrapper } = named;
  const unwrap = (answer: Record<string, unknown>): ApiObject =>
    readAnswer(apiObject, answer[wrapper], wrapper);
  const get = async (client: Client, id: string | number): Promise<ApiObject> =>
    unwrap(await client.call("GET", `/${collection}/${id}`, z.record(z.string(), z.unknown())));
  const existing = (one: ApiObject): Existing => ({ id: String(one.id), outputs: named.outputs(one) });
  const settle = async (client: Client, one: ApiObject, inputs: Properties): Promise<Existing> => {
    await named.settle?.(client, one, inputs);
    return existing(await get(client, one.id));
  };

  return {
    ...named,

    async create(client, inputs) {
      const body = named.body(parseInputs(named.schema, wrapper, inputs));
      const answer = await client.call("POST", `/${collection}`, actionAnswer.loose(), { body });
      await client.finish(answer);
      return settle(client, unwrap(answer), inputs);
    },

    async update(client, old, news) {
      const body = nameAndLabels(old, news);
      if (body) await client.call("PUT", `/${collection}/${old.id}`, z.unknown(), { body });
      return (await settle(client, await get(client, old.id), news)).outputs;
    },

    async read(client, old) {
      const one = await orGone(get(client, old.id));
      return one && existing(one);
    },

    async find(client, inputs) {
      const one = await findByName(client, collection, String(inputs["name"]));
      if (one === undefined) return undefined;
      const outputs = named.outputs(one);
      // Another thing of that name is left alone; the create then says that the name is taken.
      const differs = (key: string): boolean =>
        inputs[key] !== undefined && !isSame(outputs[key], inputs[key]);
      if (named.replace.some(differs)) return undefined;
      return settle(client, one, inputs);
    },

    async delete(client, old) {
      if (named.release) {
        const one = await orGone(get(client, old.id));
        if (one === undefined) return;
        await orGone(named.release(client, one));
      }
      const sitOut = named.sitOutOnDelete ?? [];
      await orGone(client.run("DELETE", `/${collection}/${old.id}`, { sitOut }));
    },
  };
}

/** The body of the PUT that renames and labels; undefined when neither has changed. */
export function nameAndLabels(old: Recorded, news: Properties): Properties | undefined {
  const changed = (key: string): boolean => !isSame(old.inputs[key], news[key]);
  if (!changed("name") && !changed("labels")) return undefined;
  return defined({
    name: changed("name") ? news["name"] : undefined,
    labels: changed("labels") ? (news["labels"] ?? {}) : undefined,
  });
}

const common = z.object({ name: z.string(), labels: z.record(z.string(), z.string()).default({}) });

const sshKeyAnswer = common.extend({ public_key: z.string(), fingerprint: z.string() });

export const sshKey = namedKind({
  collection: "ssh_keys",
  wrapper: "ssh_key",
  schema: z.strictObject({ name, publicKey: z.string(), labels }),
  replace: ["publicKey"],
  observed: ["name", "labels", "publicKey"],
  body: ({ name, publicKey, labels }) => ({ name, public_key: publicKey, labels }),
  outputs(one) {
    const { public_key: publicKey, ...rest } = readAnswer(sshKeyAnswer, one, "ssh_key");
    return { ...rest, publicKey };
  },
});

const networkAnswer = common.extend({
  ip_range: z.string(),
  protection: z.object({ delete: z.boolean() }),
  expose_routes_to_vswitch: z.boolean().default(false),
});

export const network = namedKind({
  collection: "networks",
  wrapper: "network",
  schema: z.strictObject({
    name,
    ipRange: z.string(),
    labels,
    deleteProtection: flag,
    exposeRoutesToVswitch: flag,
  }),
  isOldSdk: true,
  replace: ["ipRange"],
  observed: ["name", "labels", "ipRange", "deleteProtection", "exposeRoutesToVswitch"],
  body: ({ name, ipRange, labels, exposeRoutesToVswitch }) => ({
    name,
    ip_range: ipRange,
    labels,
    expose_routes_to_vswitch: exposeRoutesToVswitch,
  }),
  outputs(one) {
    const answer = readAnswer(networkAnswer, one, "network");
    return {
      name: answer.name,
      labels: answer.labels,
      ipRange: answer.ip_range,
      deleteProtection: answer.protection.delete,
      exposeRoutesToVswitch: answer.expose_routes_to_vswitch,
    };
  },
  async settle(client, one, inputs) {
    const wanted = inputs["deleteProtection"] ?? false;
    if (readAnswer(networkAnswer, one, "network").protection.delete === wanted) return;
    await client.run("POST", `/networks/${one.id}/actions/change_protection`, { body: { delete: wanted } });
  },
});

const placementGroupAnswer = common.extend({ type: z.string(), servers: z.array(z.number()) });

export const placementGroup = namedKind({
  collection: "placement_groups",
  wrapper: "placement_group",
  schema: z.strictObject({ name, type: z.literal("spread"), labels }),
  isOldSdk: true,
  replace: ["type"],
  observed: ["name", "labels", "type"],
  body: ({ name, type, labels }) => ({ name, type, labels }),
  outputs: (one) => readAnswer(placementGroupAnswer, one, "placement_group"),
});

const ruleInputs = z.object({
  direction: z.enum(["in", "out"]),
  protocol: z.enum(["tcp", "udp", "icmp", "esp", "gre"]),
  port: z.string().optional(),
  sourceIps: z.array(z.string()).default([]),
  destinationIps: z.array(z.string()).default([]),
  description: z.string().optional(),
});
const ruleAnswer = z.object({
  direction: z.string(),
  protocol: z.string(),
  port: z.string().nullish(),
  source_ips: z.array(z.string()).default([]),
  destination_ips: z.array(z.string()).default([]),
  description: z.string().nullish(),
});
const target = z.looseObject({
  type: z.string(),
  server: z.object({ id: z.number() }).nullish(),
  label_selector: z.object({ selector: z.string() }).nullish(),
});
const firewallAnswer = common.extend({ rules: z.array(ruleAnswer), applied_to: z.array(target).default([]) });
const firewallInputs = z.strictObject({
  name,
  labels,
  rules: z.array(ruleInputs).default([]),
});

function apiRules(inputs: Properties): object[] {
  return parseInputs(firewallInputs, "firewall", inputs).rules.map((rule) =>
    defined({
      direction: rule.direction,
      protocol: rule.protocol,
      port: rule.port,
      source_ips: rule.sourceIps,
      destination_ips: rule.destinationIps,
      description: rule.description,
    }),
  );
}

export const firewall = namedKind({
  collection: "firewalls",
  wrapper: "firewall",
  schema: firewallInputs,
  isOldSdk: true,
  replace: [],
  observed: ["name", "labels", "rules"],
  body: (inputs) => ({ name: inputs["name"], labels: inputs["labels"], rules: apiRules(inputs) }),
  outputs(one) {
    const answer = readAnswer(firewallAnswer, one, "firewall");
    return {
      name: answer.name,
      labels: answer.labels,
      rules: answer.rules.map((rule) => ({
        direction: rule.direction,
        protocol: rule.protocol,
        port: rule.port ?? "",
        sourceIps: rule.source_ips,
        destinationIps: rule.destination_ips,
        description: rule.description ?? "",
      })),
      applyTos: answer.applied_to.map(({ server, label_selector }) =>
        defined({ server: server?.id, labelSelector: label_selector?.selector }),
      ),
    };
  },
  async settle(client, one, inputs) {
    const wanted = apiRules(inputs);
    if (isSame(readAnswer(firewallAnswer, one, "firewall").rules, wanted)) return;
    await client.run("POST", `/firewalls/${one.id}/actions/set_rules`, { body: { rules: wanted } });
  },
  async release(client, one) {
    const { applied_to } = readAnswer(firewallAnswer, one, "firewall");
    if (applied_to.length === 0) return;
    const body = { remove_from: applied_to };
    await client.run("POST", `/firewalls/${one.id}/actions/remove_from_resources`, { body });
  },
  sitOutOnDelete: ["resource_in_use"],
});
