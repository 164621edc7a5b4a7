export { ADMINS } from "./access.ts";
export { Platform } from "./platform.ts";
export type { EntryAddress } from "./traefik.ts";
