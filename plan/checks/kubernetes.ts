/** Checks of Kubernetes, its entry, and what runs in it. */
import { contains, toNumber } from "../../lib/cidr.ts";
import type { Problem } from "../../lib/problem.ts";
import { compareVersions, kubernetesVersion, minorOf } from "../../lib/version.ts";
import { type Capacity, capacity } from "../capacity.ts";
import { entryPrivateIp, reservedAddresses } from "../plan.ts";
import { VERSIONS } from "../versions.ts";
import { type Check, nodeList } from "./check.ts";

const k3sVersion: Check = ({ k3s }) => {
  if (!k3s) return [];
  const field = "gardenos:k3s.version";
  const fix = `pulumi config set --path 'gardenos:k3s.version' ${VERSIONS.k3s}`;
  const [got, tested, floor] = [k3s.version, VERSIONS.k3s, VERSIONS.k3sFloor].map(kubernetesVersion) as [
    string,
    string,
    string,
  ];
  if (minorOf(got) !== minorOf(tested)) {
    const want = `a v${minorOf(tested)} release, the line tested here: upgrades go one minor at a time`;
    return [{ field, got: k3s.version, want, fix }];
  }
  if (compareVersions(got, floor) >= 0) return [];
  const want = `${VERSIONS.k3sFloor} or newer: older supervisors answer anonymous callers`;
  return [{ field, got: k3s.version, want, fix }];
};

const entryAddress: Check = (settings) => {
  const { entry, network } = settings;
  if (!entry || !network || entry.kind !== "load-balancer") return [];
  const ip = entryPrivateIp({ entry, network });
  const field = "gardenos:entry.privateIp";
  const fix = "pulumi config set --path 'gardenos:entry.privateIp' <address>";
  const taken = nodeList(settings).find(([, node]) => node.privateIp === ip);
  if (taken) return [{ field, got: ip, want: `an address of its own: node ${taken[0]} has this one`, fix }];
  const usable =
    contains(network.subnetCidr, ip) &&
    !reservedAddresses(network.cidr, network.subnetCidr).includes(toNumber(ip));
  if (usable) return [];
  const want = `an address of ${network.subnetCidr} that is neither its first, its last nor the gateway`;
  return [{ field, got: ip, want, fix }];
};

const dnsZone: Check = ({ entry }) => {
  if (entry?.kind !== "dns" || entry.zone !== undefined) return [];
  const want = "the zone at Hetzner DNS that the records go to";
  const fix = "pulumi config set --path 'gardenos:entry.zone' example.org";
  return [{ field: "gardenos:entry.zone", got: undefined, want, fix }];
};

/** Both would be the same record set, and the second one to be made would fail. */
const entryNames: Check = ({ entry }) => {
  if (entry?.kind !== "dns" || entry.apiName !== entry.ingressName) return [];
  const want = "a name other than entry.apiName: the API and the ingress have records of their own";
  const fix = "pulumi config set --path 'gardenos:entry.ingressName' '*'";
  return [{ field: "gardenos:entry.ingressName", got: entry.ingressName, want, fix }];
};

const fitsWithoutOneNode: Check = (settings, { rejectedNodes }) => {
  const { nodes, serverType, ingress, profile, postgres, pgbouncer, services, supabase, tls } = settings;
  if (!nodes || !serverType || !ingress || !profile || !postgres || !pgbouncer) return [];
  if (!services || !supabase || !tls || rejectedNodes > 0) return [];
  if (nodeList(settings).length === 0) return [];
  const found = capacity({
    nodes,
    serverType,
    ingress,
    profile,
    postgres,
    pgbouncer,
    services,
    supabase,
    tls,
  });
  if (!found) return [];
  const { tooLarge, largestNodeMib } = found;
  const alone = tooLarge.map(({ name, mib }) => ({
    field: "gardenos:serverType",
    got: `${serverType}, and ${name} with ${mib} MiB a pod`,
    want: `room for each pod on one node: the largest that is left when one node is lost has ${largestNodeMib} MiB`,
    fix: `use a server type with more memory for two nodes or more, or lower the memory of ${name}`,
  }));
  return found.fits ? alone : [...alone, ...together(found, serverType)];
};

const together = (found: Capacity, serverType: string): Problem[] => {
  const list = found.rows.map(({ name, pods }) => `${name} ${pods}`).join(", ");
  return [
    {
      field: "gardenos:serverType",
      got: serverType,
      want: `room for ${found.requestedMib} MiB of requests when one node is lost, and there are ${found.availableMib} MiB (${list})`,
      fix: "use a server type with more memory, or lower what is asked for (postgres.memory, pgbouncer.memory, ingress.memory, memory and pods of services)",
    },
  ];
};

export const KUBERNETES_CHECKS: readonly Check[] = [
  k3sVersion,
  entryAddress,
  dnsZone,
  entryNames,
  fitsWithoutOneNode,
];
