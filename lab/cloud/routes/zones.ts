import type { z } from "zod";
import { body, type Parts, param, type Routes, resource } from "../api.ts";
import { ApiError, invalidField, notFound, refuseIfProtected } from "../errors.ts";
import { answerList, answerPage } from "../listing.ts";
import type { RrsetRecord, ZoneRecord } from "../records.ts";
import type { Store } from "../store.ts";
import { viewRrset, viewZone } from "../views.ts";
import * as schemas from "../zone-schemas.ts";

/** Hetzner's, in the record sets that every zone has from the beginning. */
const NAME_SERVERS = ["hydrogen.ns.hetzner.com.", "oxygen.ns.hetzner.com.", "helium.ns.hetzner.de."] as const;
const SOA = `${NAME_SERVERS[0]} dns.hetzner.com. 2026010100 86400 10800 3600000 3600`;

type Context = Parameters<typeof param>[0];

export const zones: Routes = (app, parts) => {
  const { store } = parts;

  app.get("/zones", (c) => {
    const mode = c.req.query("mode") ?? "primary";
    return answerList(c, "zones", mode === "primary" ? store.records.zones : [], viewZone);
  });

  app.get("/zones/:zone", (c) => c.json({ zone: viewZone(zoneOf(store, c)) }));

  app.post("/zones", async (c) => {
    const input = await body(c, schemas.createZone);
    const zone: ZoneRecord = {
      ...store.named("zones", input),
      mode: input.mode,
      ttl: input.ttl,
      protection: { delete: false },
      rrsets: [
        rrset("@", "SOA", [{ value: SOA, comment: "" }]),
        rrset(
          "@",
          "NS",
          NAME_SERVERS.map((value) => ({ value, comment: "" })),
        ),
      ],
    };
    store.records.zones.push(zone);
    return c.json({ zone: viewZone(zone), action: startOn(parts, zone, "create_zone") }, 201);
  });

  app.put("/zones/:zone", async (c) => {
    const { labels } = await body(c, schemas.relabel);
    const zone = zoneOf(store, c);
    zone.labels = labels ?? zone.labels;
    return c.json({ zone: viewZone(zone) });
  });

  app.delete("/zones/:zone", (c) => {
    const zone = zoneOf(store, c);
    refuseIfProtected(zone.protection.delete, "zone");
    store.remove("zones", zone.id);
    return c.json({ action: startOn(parts, zone, "delete_zone") }, 201);
  });

  app.post("/zones/:zone/actions/change_ttl", async (c) => {
    const { ttl } = await body(c, schemas.changeZoneTtl);
    const zone = zoneOf(store, c);
    zone.ttl = ttl;
    return c.json({ action: startOn(parts, zone, "change_ttl") }, 201);
  });

  app.post("/zones/:zone/actions/change_protection", async (c) => {
    const protection = await body(c, schemas.protectZone);
    const zone = zoneOf(store, c);
    zone.protection = { delete: protection.delete ?? zone.protection.delete };
    return c.json({ action: startOn(parts, zone, "change_protection") }, 201);
  });
};

const RRSET = "/zones/:zone/rrsets/:name/:type";

export const rrsets: Routes = (app, parts) => {
  const { store } = parts;

  app.get("/zones/:zone/rrsets", (c) => {
    const zone = zoneOf(store, c);
    const name = c.req.query("name");
    const types = c.req.queries("type") ?? [];
    const found = zone.rrsets.filter(
      (one) => (name ?? one.name) === one.name && (types.length === 0 || types.includes(one.type)),
    );
    return answerPage(c, "rrsets", found, (one) => viewRrset(zone, one));
  });

  app.get(RRSET, (c) => {
    const { zone, rrset: found } = rrsetOf(store, c);
    return c.json({ rrset: viewRrset(zone, found) });
  });

  app.post("/zones/:zone/rrsets", async (c) => {
    const { labels, ttl, ...input } = await body(c, schemas.createRrset);
    const zone = zoneOf(store, c);
    if (zone.rrsets.some(({ name, type }) => name === input.name && type === input.type))
      throw new ApiError(409, "uniqueness_error", `RRSet ${input.name}/${input.type} already exists`);
    const made = { ...rrset(input.name, input.type, input.records), ttl, labels: labels ?? {} };
    refuseMisfit(made);
    zone.rrsets.push(made);
    return c.json({ rrset: viewRrset(zone, made), action: startOn(parts, zone, "create_rrset") }, 201);
  });

  app.put(RRSET, async (c) => {
    const { labels } = await body(c, schemas.relabel);
    const { zone, rrset: found } = rrsetOf(store, c);
    found.labels = labels ?? found.labels;
    return c.json({ rrset: viewRrset(zone, found) });
  });

  app.delete(RRSET, (c) => {
    const { zone, rrset: found } = rrsetOf(store, c);
    refuseIfProtected(found.protection.change, "RRSet");
    if (found.type === "SOA") throw invalidField("type", "the SOA record can't be deleted");
    zone.rrsets = zone.rrsets.filter((other) => other !== found);
    return c.json({ action: startOn(parts, zone, "delete_rrset") }, 201);
  });

  addActions(app, parts);
};

const addActions: Routes = (app, parts) => {
  const on = <T extends z.ZodType>(
    command: string,
    schema: T,
    change: (rrset: RrsetRecord, input: z.output<T>) => Partial<RrsetRecord>,
  ): void => {
    app.post(`${RRSET}/actions/${command}`, async (c) => {
      const input = await body(c, schema);
      const { zone, rrset: found } = rrsetOf(parts.store, c);
      if (command !== "change_protection") refuseIfProtected(found.protection.change, "RRSet");
      const changed = { ...found, ...change(found, input) };
      refuseMisfit(changed);
      Object.assign(found, changed);
      // A record set without records is none.
      if (found.records.length === 0) zone.rrsets = zone.rrsets.filter((other) => other !== found);
      return c.json({ action: startOn(parts, zone, command) }, 201);
    });
  };

  on("set_records", schemas.setRecords, (_, { records }) => ({ records }));
  on("add_records", schemas.addRecords, (found, { records, ttl }) => ({
    records: [...found.records, ...records],
    ttl: ttl ?? found.ttl,
  }));
  on("remove_records", schemas.removeRecords, (found, { records }) => {
    const gone = new Set(records.map(({ value }) => value));
    return { records: found.records.filter(({ value }) => !gone.has(value)) };
  });
  on("change_ttl", schemas.changeRrsetTtl, (_, { ttl }) => ({ ttl }));
  on("change_protection", schemas.protectRrset, ({ protection }, { change }) => ({
    protection: { change: change ?? protection.change },
  }));
};

function startOn({ actions }: Parts, { id }: ZoneRecord, command: string) {
  return actions.start({ command, resources: [resource("zone", id)] });
}

function rrset(name: string, type: string, records: RrsetRecord["records"]): RrsetRecord {
  return { name, type, ttl: null, labels: {}, protection: { change: false }, records };
}

/** By id or by name. @throws ApiError 404 */
function zoneOf(store: Store, c: Context): ZoneRecord {
  const wanted = param(c, "zone");
  const zone = store.records.zones.find(({ id, name }) => name === wanted || id === Number(wanted));
  if (zone) return zone;
  throw notFound("zone", wanted);
}

/** @throws ApiError 404 */
function rrsetOf(store: Store, c: Context): { readonly zone: ZoneRecord; readonly rrset: RrsetRecord } {
  const zone = zoneOf(store, c);
  const [wanted, type] = [param(c, "name"), param(c, "type")];
  const found = zone.rrsets.find((one) => one.name === wanted && one.type === type);
  if (found) return { zone, rrset: found };
  throw notFound("RRSet", `${wanted}/${type}`);
}

function refuseMisfit({ type, records }: RrsetRecord): void {
  const problem = schemas.misfit(type, records);
  if (problem !== undefined) throw invalidField("records", problem);
}
