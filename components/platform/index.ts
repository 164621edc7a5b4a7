export { Platform } from "./platform.ts";
