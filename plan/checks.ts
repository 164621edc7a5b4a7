/**
 * Checks across settings. Each one looks at what it needs, skips silently when that is missing or broken
 * (the schema has said so), and reports every offender, so that ten mistakes are ten lines of one run.
 */
import type { Settings } from "../config/schema.ts";
import { contains, containsCidr, isPrivate, overlaps, prefixLength, toNumber } from "../lib/cidr.ts";
import type { Problem } from "../lib/problem.ts";
import { quantityBytes } from "../lib/quantity.ts";
import { compareVersions, minorOf } from "../lib/version.ts";
import type { Manifest } from "./artifacts.ts";
import { LOCATIONS } from "./locations.ts";
import { reservedAddresses, type StackIdentity, serverName } from "./plan.ts";
import { etcdTimers } from "./timers.ts";
import { VERSIONS } from "./versions.ts";

type Check = (settings: Partial<Settings>, context: CheckContext) => readonly Problem[];

interface CheckContext {
  readonly identity: StackIdentity;
  /** Nodes that the schema refused, and that are therefore missing from the settings. */
  readonly rejectedNodes: number;
}

/** Hetzner's gateway on every public interface; a private network that holds it cuts the node off. */
const PUBLIC_GATEWAY = "172.31.1.1";

/** A world-wide network: nothing shorter than /8 is a list of administrators. */
const WIDEST_ADMIN_PREFIX = 8;

const nodeList = (settings: Partial<Settings>) => Object.entries(settings.nodes ?? {});

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

const networkShape: Check = ({ network }) => {
  if (!network) return [];
  const problems: Problem[] = [];
  const report = (key: "cidr" | "subnetCidr", want: string, fix: string) =>
    problems.push({ field: `gardenos:network.${key}`, got: network[key], want, fix });
  const before = "change it before the first `pulumi up`";
  if (!isPrivate(network.cidr)) report("cidr", "a private network (RFC 1918)", "use 10.0.0.0/16");
  if (prefixLength(network.cidr) > 24) report("cidr", "a /24 or larger", "use 10.0.0.0/16");
  if (contains(network.cidr, PUBLIC_GATEWAY)) {
    report("cidr", `a network without ${PUBLIC_GATEWAY}, Hetzner's public gateway`, "use 10.0.0.0/16");
  }
  if (!containsCidr(network.cidr, network.subnetCidr))
    report("subnetCidr", `a part of ${network.cidr}`, before);
  if (prefixLength(network.subnetCidr) > 28) report("subnetCidr", "a /28 or larger: nodes need room", before);
  return problems;
};

const noOverlaps: Check = ({ network }) => {
  if (!network) return [];
  const pairs = [
    ["podCidr", "cidr"],
    ["serviceCidr", "cidr"],
    ["serviceCidr", "podCidr"],
  ] as const;
  return pairs
    .filter(([a, b]) => overlaps(network[a], network[b]))
    .map(([a, b]) => ({
      field: `gardenos:network.${a}`,
      got: network[a],
      want: `a network apart from network.${b} (${network[b]})`,
      fix: "change one of the two before the first `pulumi up`",
    }));
};

const adminAccess: Check = ({ adminCidrs, environment }) => {
  if (!adminCidrs) return [];
  const field = "gardenos:adminCidrs";
  if (adminCidrs.length === 0) {
    const want = "the networks that may reach SSH; the program itself comes from there";
    return [
      { field, got: [], want, fix: "pulumi config set --path 'gardenos:adminCidrs[0]' 203.0.113.10/32" },
    ];
  }
  if (environment !== "prod") return [];
  return adminCidrs
    .filter((cidr) => prefixLength(cidr) < WIDEST_ADMIN_PREFIX)
    .map((got) => ({ field, got, want: "no world-wide access in prod", fix: "name your own networks" }));
};

const etcdVersion: Check = ({ etcd }) => {
  if (!etcd) return [];
  const field = "gardenos:etcd.version";
  const fix = `pulumi config set --path 'gardenos:etcd.version' ${VERSIONS.etcd}`;
  if (compareVersions(etcd.version, VERSIONS.etcdFloor) < 0) {
    const want = `${VERSIONS.etcdFloor} or newer: older ones leak across users of a shared etcd`;
    return [{ field, got: etcd.version, want, fix }];
  }
  if (minorOf(etcd.version) !== minorOf(VERSIONS.etcd)) {
    return [
      { field, got: etcd.version, want: `a ${minorOf(VERSIONS.etcd)} release, the line tested here`, fix },
    ];
  }
  return [];
};

const electionTime: Check = ({ etcd, topology }) => {
  if (!etcd || !topology) return [];
  const { heartbeatMs, electionMs } = etcdTimers({ etcd, topology });
  if (electionMs >= 5 * heartbeatMs) return [];
  const want = `at least five heartbeats (${5 * heartbeatMs}), or etcd refuses to start`;
  const fix = `pulumi config set --path 'gardenos:etcd.electionMs' ${10 * heartbeatMs}`;
  return [{ field: "gardenos:etcd.electionMs", got: electionMs, want, fix }];
};

const etcdQuota: Check = ({ etcd }) => {
  if (!etcd) return [];
  const bytes = quantityBytes(etcd.quota);
  if (bytes >= quantityBytes("256Mi") && bytes <= quantityBytes("8Gi")) return [];
  const want = "from 256Mi, room for Kubernetes at rest, to 8Gi, etcd's suggested maximum";
  const fix = "pulumi config set --path 'gardenos:etcd.quota' 4Gi";
  return [{ field: "gardenos:etcd.quota", got: etcd.quota, want, fix }];
};

const CHECKS: readonly Check[] = [
  nodeNames,
  quorum,
  distinctAddresses,
  addressesInSubnet,
  topology,
  architecture,
  networkShape,
  noOverlaps,
  adminAccess,
  etcdVersion,
  electionTime,
  etcdQuota,
];

/** All cross-field problems of a stack. */
export function checkSettings(
  settings: Partial<Settings>,
  identity: StackIdentity,
  rejectedNodes = 0,
): readonly Problem[] {
  return CHECKS.flatMap((check) => check(settings, { identity, rejectedNodes }));
}

/** The manifest must hold the versions that the configuration asks for. */
export function checkManifest(
  settings: Partial<Settings>,
  manifest: Manifest | undefined,
): readonly Problem[] {
  if (!settings.etcd || !manifest || manifest.etcd.version === settings.etcd.version) return [];
  const want = `${manifest.etcd.version}, the version that ${settings.artifacts?.manifest} offers`;
  const fix = "change etcd.version, or put the version with its SHA-256 into the manifest";
  return [{ field: "gardenos:etcd.version", got: settings.etcd.version, want, fix }];
}
