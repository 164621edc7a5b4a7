/** Checks of the networks, and of who may come in. */
import { contains, containsCidr, isPrivate, overlaps, prefixLength } from "../../lib/cidr.ts";
import type { Problem } from "../../lib/problem.ts";
import type { Check } from "./check.ts";

/** Hetzner's gateway on every public interface; a private network that holds it cuts the node off. */
const PUBLIC_GATEWAY = "172.31.1.1";

/** A world-wide network: nothing shorter than /8 is a list of administrators. */
const WIDEST_ADMIN_PREFIX = 8;

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

export const NETWORK_CHECKS: readonly Check[] = [networkShape, noOverlaps, adminAccess];
