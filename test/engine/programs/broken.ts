/** Fails in the way that `demo:how` says. */
import * as pulumi from "@pulumi/pulumi";
import { Thing } from "./thing.ts";

const config = new pulumi.Config();
const how = config.require("how");
const thing = new Thing("a", { size: 1 });

if (how === "run-error") throw new pulumi.RunError("members: got 2, want an odd number");
if (how === "resource-error") throw new pulumi.ResourceError("a is not what it should be", thing);
if (how === "config") config.require("nowhere");
if (how === "bug") throw new TypeError(`no such thing: ${config.require("password")}`);
if (how === "exit") process.exit(0);
if (how === "rejected") thing.size.apply(() => Promise.reject(new pulumi.RunError("too small")));
if (how === "get") new Thing("existing", {}, { id: "x-1" });
if (how === "invoke") await pulumi.runtime.invoke("test:index:getThing", {});
if (how === "import") new Thing("b", {}, { import: "b-1" });
if (how === "transform") pulumi.runtime.registerResourceTransform(() => undefined);
