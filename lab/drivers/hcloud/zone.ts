/** DNS zones and their record sets. */
import { z } from "zod";
import type { Existing, Properties } from "../../engine/driver.ts";
import { defined, parseInputs } from "../properties.ts";
import { actionAnswer, type Client, readAnswer } from "./client.ts";
import { orGone } from "./errors.ts";
import { flag, isSame, type Kind, labels, name } from "./kind.ts";
import { namedKind } from "./named.ts";

const DEFAULT_TTL = 3600;

const zoneAnswer = z.object({
  name: z.string(),
  labels: z.record(z.string(), z.string()).default({}),
  mode: z.string(),
  ttl: z.number(),
  protection: z.object({ delete: z.boolean() }),
  authoritative_nameservers: z.object({ assigned: z.array(z.string()) }),
  registrar: z.string(),
});

export const zone = namedKind({
  collection: "zones",
  wrapper: "zone",
  schema: z.strictObject({
    name,
    mode: z.literal("primary", { error: "the lab's driver knows primary zones only" }),
    ttl: z.number().default(DEFAULT_TTL),
    labels,
    deleteProtection: flag,
  }),
  replace: ["name", "mode"],
  observed: ["name", "mode", "ttl", "labels", "deleteProtection"],
  body: ({ name, mode, ttl, labels }) => ({ name, mode, ttl, labels }),
  outputs(one) {
    const answer = readAnswer(zoneAnswer, one, "zone");
    return {
      name: answer.name,
      labels: answer.labels,
      mode: answer.mode,
      ttl: answer.ttl,
      deleteProtection: answer.protection.delete,
      primaryNameservers: [],
      authoritativeNameservers: { assigneds: answer.authoritative_nameservers.assigned },
      registrar: answer.registrar,
    };
  },
  async settle(client, one, inputs) {
    const present = readAnswer(zoneAnswer, one, "zone");
    const act = (action: string, body: object) =>
      client.run("POST", `/zones/${one.id}/actions/${action}`, { body });
    const ttl = inputs["ttl"] ?? DEFAULT_TTL;
    if (present.ttl !== ttl) await act("change_ttl", { ttl });
    const protection = inputs["deleteProtection"] ?? false;
    if (present.protection.delete !== protection) await act("change_protection", { delete: protection });
  },
});

const rrsetInputs = z.strictObject({
  /** Id or name. */
  zone: z.string().min(1),
  name,
  type: z.string().refine((type) => type !== "SOA", "the API makes the SOA record itself"),
  ttl: z.number().optional(),
  labels,
  changeProtection: flag,
  records: z.array(z.strictObject({ value: z.string(), comment: z.string().optional() })).min(1),
});
type RrsetInputs = z.infer<typeof rrsetInputs>;

const rrsetAnswer = z.object({
  rrset: z.object({
    id: z.string(),
    name: z.string(),
    type: z.string(),
    ttl: z.number().nullish(),
    labels: z.record(z.string(), z.string()).default({}),
    protection: z.object({ change: z.boolean() }),
    records: z.array(z.object({ value: z.string(), comment: z.string().nullish() })),
  }),
});

const parseRrset = (inputs: Properties): RrsetInputs => parseInputs(rrsetInputs, "ZoneRrset", inputs);
const pathOf = ({ zone, name, type }: Pick<RrsetInputs, "zone" | "name" | "type">): string =>
  `/zones/${zone}/rrsets/${encodeURIComponent(name)}/${type}`;

/** Undefined when it or its zone is gone. */
async function lookUpRrset(client: Client, inputs: Properties): Promise<Existing | undefined> {
  const wanted = parseRrset(inputs);
  const found = (await orGone(client.call("GET", pathOf(wanted), rrsetAnswer)))?.rrset;
  if (found === undefined) return undefined;
  return {
    id: found.id,
    outputs: defined({
      zone: wanted.zone,
      name: found.name,
      type: found.type,
      ttl: found.ttl ?? undefined,
      labels: found.labels,
      changeProtection: found.protection.change,
      records: found.records.map(({ value, comment }) => defined({ value, comment: comment || undefined })),
    }),
  };
}

const gone = (): never => {
  throw new Error("hcloud: a record set was there a moment ago and is gone. Run refresh, then run again.");
};

/** Brings it to where the inputs have it: protection off first, and on last. */
async function settleRrset(client: Client, present: Existing, inputs: Properties): Promise<Existing> {
  const wanted = parseRrset(inputs);
  const { outputs } = present;
  const act = (action: string, body: object) =>
    client.run("POST", `${pathOf(wanted)}/actions/${action}`, { body });
  const protect = (change: boolean) => act("change_protection", { change });
  const differs = (key: "ttl" | "records" | "labels") => !isSame(outputs[key], wanted[key]);
  const isProtected = outputs["changeProtection"] === true;
  const changes = differs("ttl") || differs("records");
  if (isProtected && (changes || !wanted.changeProtection)) await protect(false);
  if (differs("ttl")) await act("change_ttl", { ttl: wanted.ttl ?? null });
  if (differs("records")) await act("set_records", { records: wanted.records });
  if (differs("labels"))
    await client.call("PUT", pathOf(wanted), z.unknown(), { body: { labels: wanted.labels } });
  if (wanted.changeProtection && (!isProtected || changes)) await protect(true);
  return (await lookUpRrset(client, inputs)) ?? gone();
}

export const zoneRrset: Kind = {
  schema: rrsetInputs,
  replace: ["zone", "name", "type"],
  observed: ["ttl", "labels", "changeProtection", "records"],
  async create(client, inputs) {
    const { zone, changeProtection: _, ...body } = parseRrset(inputs);
    await client.finish(await client.call("POST", `/zones/${zone}/rrsets`, actionAnswer, { body }));
    return settleRrset(client, (await lookUpRrset(client, inputs)) ?? gone(), inputs);
  },
  async update(client, old, news) {
    const present = (await lookUpRrset(client, old.inputs)) ?? gone();
    return (await settleRrset(client, present, news)).outputs;
  },
  read: (client, old) => lookUpRrset(client, old.inputs),
  async find(client, inputs) {
    const found = await lookUpRrset(client, inputs);
    // Records come with the create: others are somebody else's.
    const isOurs = found && isSame(found.outputs["records"], inputs["records"]);
    return isOurs ? settleRrset(client, found, inputs) : undefined;
  },
  async delete(client, old) {
    await orGone(client.run("DELETE", pathOf(parseRrset(old.inputs))));
  },
};
