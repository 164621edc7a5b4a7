export type { DatabaseAccess, ServiceArgs } from "./args.ts";
export { FastApiServices } from "./fastapi-services.ts";
