/** Stands in for the `hcloud` provider 1.41: the same calls to the API, over HTTP. */
import type { Driver, DriverContext, Properties } from "../../engine/driver.ts";
import { changedKeys, defined, failuresOf, kindIn, plain, withSchemaDefaults } from "../properties.ts";
import { networkSubnet, serverNetwork } from "./attachments.ts";
import { Client, DEFAULT_TIMING, type Timing } from "./client.ts";
import { inWordsOf, isSame, type Kind } from "./kind.ts";
import { loadBalancer, loadBalancerService } from "./load-balancer.ts";
import { loadBalancerNetwork, loadBalancerTarget } from "./load-balancer-places.ts";
import { firewall, network, placementGroup, sshKey } from "./named.ts";
import { serverKind } from "./server.ts";
import { zone, zoneRrset } from "./zone.ts";

const kinds: Readonly<Record<string, Kind>> = {
  SshKey: sshKey,
  Network: network,
  NetworkSubnet: networkSubnet,
  Firewall: firewall,
  PlacementGroup: placementGroup,
  Server: serverKind,
  ServerNetwork: serverNetwork,
  LoadBalancer: loadBalancer,
  LoadBalancerNetwork: loadBalancerNetwork,
  LoadBalancerService: loadBalancerService,
  LoadBalancerTarget: loadBalancerTarget,
  Zone: zone,
  ZoneRrset: zoneRrset,
};

/** The bridge keeps a list of defaulted keys beside the inputs, and in each block of them. Here it is empty. */
function markBlocks(inputs: Properties, blocks: readonly string[] = []): Properties {
  const mark = (item: unknown): unknown =>
    typeof item === "object" && item !== null ? markBlocks(item as Properties, blocks) : item;
  const entries = Object.entries(inputs).map(([key, value]) => {
    if (Array.isArray(value)) return [key, value.map(mark)];
    return [key, blocks.includes(key) ? mark(value) : value];
  });
  return { ...Object.fromEntries(entries), __defaults: [] };
}

/** Which servers use a thing is the servers' business; a load balancer's place is its attachment's. */
const BACK_REFERENCES: Readonly<Record<string, readonly string[]>> = {
  "hcloud:index/firewall:Firewall": ["applyTos"],
  "hcloud:index/placementGroup:PlacementGroup": ["servers"],
  "hcloud:index/loadBalancer:LoadBalancer": ["networkId", "networkIp", "targets"],
};

/** Outputs as a provider answers them: the inputs, overlaid with what the API says. */
function outputsOf(id: string, inputs: Properties, observed: Properties): Properties {
  return defined({ ...plain(inputs), ...observed, id });
}

/** The recorded inputs, changed where the API says something else. */
function refreshedInputs(kind: Kind, recorded: Properties, observed: Properties): Properties {
  const meant = withSchemaDefaults(kind.schema, recorded);
  const seen = (key: string): unknown =>
    kind.blocks?.includes(key) ? inWordsOf(meant[key], observed[key]) : observed[key];
  const changed = kind.observed.filter((key) => key in meant && !isSame(meant[key], seen(key)));
  return defined({ ...recorded, ...Object.fromEntries(changed.map((key) => [key, seen(key)])) });
}

/**
 * @param timing waits between polls and retries
 */
export function createHcloudDriver(timing: Timing = DEFAULT_TIMING): Driver {
  const clientFor = (ctx: DriverContext): Client => new Client(ctx, timing);
  return {
    check(type, news) {
      const kind = kindIn(kinds, type);
      return {
        inputs: kind.isOldSdk ? markBlocks(news, kind.blocks) : news,
        failures: failuresOf(kind.schema, news),
      };
    },

    diff(type, old, news) {
      const kind = kindIn(kinds, type);
      const meant = (inputs: Properties): Properties => withSchemaDefaults(kind.schema, inputs);
      const changed = changedKeys(meant(old.inputs), meant(news), isSame);
      const replace = changed.filter((key) => kind.update === undefined || kind.replace.includes(key));
      return { changed, replace };
    },

    async create(ctx, inputs) {
      const { id, outputs } = await kindIn(kinds, ctx.type).create(clientFor(ctx), inputs);
      return { id, outputs: outputsOf(id, inputs, outputs) };
    },

    async update(ctx, old, news) {
      const kind = kindIn(kinds, ctx.type);
      if (kind.update === undefined) throw new Error(`${ctx.type} can't be changed, only replaced`);
      return outputsOf(old.id, news, await kind.update(clientFor(ctx), old, news));
    },

    async read(ctx, old) {
      const kind = kindIn(kinds, ctx.type);
      const found = await kind.read(clientFor(ctx), old);
      return (
        found && {
          id: found.id,
          outputs: outputsOf(found.id, old.outputs, found.outputs),
          inputs: refreshedInputs(kind, old.inputs, found.outputs),
        }
      );
    },

    async find(ctx, inputs) {
      const found = await kindIn(kinds, ctx.type).find(clientFor(ctx), inputs);
      return found && { id: found.id, outputs: outputsOf(found.id, inputs, found.outputs) };
    },

    delete: (ctx, old) => kindIn(kinds, ctx.type).delete(clientFor(ctx), old),

    backReferences: (type) => BACK_REFERENCES[type] ?? [],
  };
}

export const hcloud: Driver = createHcloudDriver();
