/** What can be ordered: locations, server types and images, shaped as the API shows them. */
import { LOCATIONS, type Location } from "../../plan/locations.ts";

/** Ids and coordinates as Hetzner has them. */
const SITES: Readonly<Record<Location, { id: number; country: string; at: readonly [number, number] }>> = {
  fsn1: { id: 1, country: "DE", at: [50.47612, 12.370071] },
  nbg1: { id: 2, country: "DE", at: [49.452102, 11.076665] },
  hel1: { id: 3, country: "FI", at: [60.169855, 24.938379] },
  ash: { id: 4, country: "US", at: [39.045821, -77.487073] },
  hil: { id: 5, country: "US", at: [45.54222, -122.951924] },
  sin: { id: 6, country: "SG", at: [1.283333, 103.833333] },
};

const names = Object.keys(LOCATIONS) as Location[];

/** Hetzner's locations. */
export const locations = names.map((name) => ({
  id: SITES[name].id,
  name,
  description: `${LOCATIONS[name].city} (lab)`,
  country: SITES[name].country,
  city: LOCATIONS[name].city,
  latitude: SITES[name].at[0],
  longitude: SITES[name].at[1],
  network_zone: LOCATIONS[name].zone,
}));

export type Architecture = "x86" | "arm";

const EUROPE = names.filter((name) => LOCATIONS[name].zone === "eu-central");

/** What the types of one family share. */
interface Family {
  readonly category: string;
  readonly cpu_type: "shared" | "dedicated";
  readonly architecture: Architecture;
  readonly at: readonly Location[];
}

const FAMILIES = {
  cx: { category: "Cost-Optimized", cpu_type: "shared", architecture: "x86", at: EUROPE },
  cax: { category: "Cost-Optimized", cpu_type: "shared", architecture: "arm", at: EUROPE },
  cpx: { category: "Regular Performance", cpu_type: "shared", architecture: "x86", at: names },
  ccx: { category: "General Purpose", cpu_type: "dedicated", architecture: "x86", at: names },
} as const satisfies Record<string, Family>;

/** id, family, number in the name, cores, memory in GB, disk in GB. */
const SIZES: readonly (readonly [number, keyof typeof FAMILIES, number, number, number, number])[] = [
  [114, "cx", 23, 2, 4, 40],
  [115, "cx", 33, 4, 8, 80],
  [116, "cx", 43, 8, 16, 160],
  [117, "cx", 53, 16, 32, 320],
  [45, "cax", 11, 2, 4, 40],
  [93, "cax", 21, 4, 8, 80],
  [94, "cax", 31, 8, 16, 160],
  [109, "cpx", 22, 2, 4, 80],
  [110, "cpx", 32, 4, 8, 160],
  [111, "cpx", 42, 8, 16, 320],
  [96, "ccx", 13, 2, 8, 80],
  [97, "ccx", 23, 4, 16, 160],
  [98, "ccx", 33, 8, 32, 240],
];

/** A lab costs nothing. */
const FREE = { net: "0.0000000000", gross: "0.0000000000" };

/** All types of server, with the locations that have them. */
export const serverTypes = SIZES.map(([id, family, number, cores, memory, disk]) => {
  const { at, ...shared } = FAMILIES[family];
  const name = `${family}${number}`;
  return {
    ...shared,
    id,
    name,
    description: name.toUpperCase(),
    cores,
    memory,
    disk,
    storage_type: "local",
    deprecated: false,
    deprecation: null,
    prices: at.map((location) => ({
      location,
      price_hourly: FREE,
      price_monthly: FREE,
      price_per_tb_traffic: FREE,
      included_traffic: 0,
    })),
    locations: at.map((location) => ({
      id: SITES[location].id,
      name: location,
      recommended: true,
      available: true,
      deprecation: null,
    })),
  };
});

export type ServerType = (typeof serverTypes)[number];

/** id, number in the name, most connections, services, targets, certificates. */
const BALANCER_SIZES = [
  [1, 11, 10_000, 5, 25, 10],
  [2, 21, 20_000, 15, 75, 25],
  [3, 31, 40_000, 30, 150, 50],
] as const;

/** All types of load balancer; every location has them. */
export const loadBalancerTypes = BALANCER_SIZES.map(
  ([id, number, max_connections, max_services, max_targets, max_assigned_certificates]) => ({
    id,
    name: `lb${number}`,
    description: `LB${number}`,
    max_connections,
    max_services,
    max_targets,
    max_assigned_certificates,
    deprecated: null,
    deprecation: null,
    prices: names.map((location) => ({
      location,
      price_hourly: FREE,
      price_monthly: FREE,
      price_per_tb_traffic: FREE,
      included_traffic: 0,
    })),
  }),
);

export type LoadBalancerType = (typeof loadBalancerTypes)[number];

function image(id: number, version: string, architecture: Architecture) {
  return {
    id,
    type: "system",
    status: "available",
    name: `debian-${version}`,
    description: `Debian ${version}`,
    image_size: null,
    disk_size: 5,
    created: "2025-08-11T00:00:00Z",
    created_from: null,
    bound_to: null,
    os_flavor: "debian",
    os_version: version,
    architecture,
    rapid_deploy: true,
    protection: { delete: false },
    deprecated: null,
    deleted: null,
    labels: {},
  };
}

/** One per version and architecture; ids are the same on every lab. */
export const images = [
  image(114690387, "12", "x86"),
  image(114690389, "12", "arm"),
  image(310557660, "13", "x86"),
  image(310557661, "13", "arm"),
];

export type Image = (typeof images)[number];
