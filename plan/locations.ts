/** Hetzner's locations and the network zone each lies in. A private network lives in exactly one zone. */
export const LOCATIONS = {
  fsn1: { zone: "eu-central", city: "Falkenstein" },
  nbg1: { zone: "eu-central", city: "Nuremberg" },
  hel1: { zone: "eu-central", city: "Helsinki" },
  ash: { zone: "us-east", city: "Ashburn" },
  hil: { zone: "us-west", city: "Hillsboro" },
  sin: { zone: "ap-southeast", city: "Singapore" },
} as const satisfies Record<string, { zone: string; city: string }>;

export type Location = keyof typeof LOCATIONS;
export type NetworkZone = (typeof LOCATIONS)[Location]["zone"];

/** All location names, for schemas and error texts. */
export const LOCATION_NAMES = Object.keys(LOCATIONS) as [Location, ...Location[]];
