export type { Bundle, BundleFile } from "./bundle.ts";
export { applyBundle, runStep } from "./command.ts";
export type { NodeHost } from "./node-host.ts";
export { type FreshHost, OsBaseline } from "./os-baseline.ts";
