export type { Bundle, BundleArtifact, BundleFile } from "./bundle.ts";
export { chain } from "./chain.ts";
export { applyBundle, runStep } from "./command.ts";
export type { NodeHost } from "./node-host.ts";
export { type FreshHost, OsBaseline, type OsBaselineArgs } from "./os-baseline.ts";
