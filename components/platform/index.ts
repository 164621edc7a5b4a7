export { Platform } from "./platform.ts";
export { createProvider } from "./provider.ts";
