export { ADMINS } from "./access.ts";
export { Platform } from "./platform.ts";
