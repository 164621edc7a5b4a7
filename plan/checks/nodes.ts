/** Checks of the nodes: names, number, addresses, places. */
import { contains, toNumber } from "../../lib/cidr.ts";
import type { Problem } from "../../lib/problem.ts";
import { LOCATIONS } from "../locations.ts";
import { reservedAddresses, serverName } from "../plan.ts";
import { type Check, nodeList } from "./check.ts";

const nodeNames: Check = (settings, { identity }) =>
  nodeList(settings).flatMap(([key]) => {
    const bad = !/^[a-z][a-z0-9]{0,14}$/.test(key) || serverName(identity, key).length > 63;
    if (!bad) return [];
    const want = "a name of at most 15 lower-case letters and digits that starts with a letter";
    return [
      { field: `gardenos:nodes.${key}`, got: key, want, fix: "rename the key before the first `pulumi up`" },
    ];
  });

const quorum: Check = (settings, { rejectedNodes }) => {
  if (!settings.nodes || rejectedNodes > 0) return [];
  const servers = nodeList(settings).filter(([, node]) => node.role === "server").length;
  if (servers % 2 === 1) return [];
  const want =
    "an odd number of nodes with role server: an even one survives no more losses and splits in half";
  return [
    {
      field: "gardenos:nodes",
      got: `${servers} servers`,
      want,
      fix: "use 3 servers (or 1 to try things out)",
    },
  ];
};

const distinctAddresses: Check = (settings) => {
  const seen = new Map<string, string>();
  return nodeList(settings).flatMap(([key, { privateIp }]) => {
    const other = seen.get(privateIp);
    if (!other) {
      seen.set(privateIp, key);
      return [];
    }
    const want = `an address of its own: ${other} has this one`;
    return [
      {
        field: `gardenos:nodes.${key}.privateIp`,
        got: privateIp,
        want,
        fix: "give each node another address",
      },
    ];
  });
};

const addressesInSubnet: Check = (settings) => {
  const { network } = settings;
  if (!network) return [];
  const reserved = reservedAddresses(network.cidr, network.subnetCidr);
  return nodeList(settings).flatMap(([key, { privateIp }]) => {
    if (contains(network.subnetCidr, privateIp) && !reserved.includes(toNumber(privateIp))) return [];
    const want = `an address of ${network.subnetCidr} that is neither its first, its last nor the gateway`;
    const fix = "change privateIp, or network.subnetCidr before the first `pulumi up`";
    return [{ field: `gardenos:nodes.${key}.privateIp`, got: privateIp, want, fix }];
  });
};

const topology: Check = (settings) => {
  const locations = [...new Set(nodeList(settings).map(([, node]) => node.location))];
  const zones = [...new Set(locations.map((location) => LOCATIONS[location].zone))];
  const report = (got: string, want: string, fix: string): Problem[] => [
    { field: "gardenos:topology", got, want, fix },
  ];
  if (settings.topology === "multi-zone") {
    const want = "single-zone or eu-spread: the WireGuard mesh of multi-zone is not part of this release";
    return report("multi-zone", want, "put all nodes into one network zone");
  }
  if (zones.length > 1) {
    const got = `${settings.topology} with ${locations.join(", ")} in the zones ${zones.join(", ")}`;
    const want = "locations of one network zone: a Hetzner private network can't cross zones";
    return report(got, want, "use locations of one zone, for example fsn1, nbg1 and hel1");
  }
  if (settings.topology === "single-zone" && locations.length > 1) {
    const want = "one location for all nodes";
    return report(
      `single-zone with ${locations.join(", ")}`,
      want,
      "pulumi config set gardenos:topology eu-spread",
    );
  }
  if (settings.topology === "eu-spread" && zones[0] && zones[0] !== "eu-central") {
    return report(
      `eu-spread with ${locations.join(", ")}`,
      "fsn1, nbg1 and hel1",
      "use topology single-zone",
    );
  }
  return [];
};

const architecture: Check = (settings) =>
  nodeList(settings).flatMap(([key, node]) => {
    const type = node.serverType ?? settings.serverType;
    if (!type?.startsWith("cax")) return [];
    const field = node.serverType ? `gardenos:nodes.${key}.serverType` : "gardenos:serverType";
    const want = "an x86 type: the artifacts are built for amd64 only";
    return [{ field, got: type, want, fix: "use a cx, cpx or ccx type" }];
  });

export const NODE_CHECKS: readonly Check[] = [
  nodeNames,
  quorum,
  distinctAddresses,
  addressesInSubnet,
  topology,
  architecture,
];
