/** The lab's nodes as faults see them. Runs inside the lab's network. */
import { readFileSync, writeFileSync } from "node:fs";
import { type Document, parseDocument } from "yaml";
import { repositoryPath } from "../../lib/repository-file.ts";
import type { OpsAccess } from "../../ops/access.ts";
import { power, serverOf } from "../api.ts";
import { captureKubectl } from "../kubectl.ts";
import type { Lab } from "../lab.ts";
import { run } from "../machines/run.ts";
import { privatePort, publicPort } from "../network/links.ts";
import type { World } from "./faults.ts";

export function labWorld(lab: Lab, access: OpsAccess): World {
  return {
    run: (node, command) => access.run(node, command),
    power: async (node, state) => power(lab, await serverOf(lab, node), state),
    cables: async (node, state) => {
      const { id, private_net } = await serverOf(lab, node);
      const ports = [publicPort(id), ...private_net.map(({ network }) => privatePort(id, network))];
      const lines = ports.map((port) => `link set dev ${port} ${state}\n`);
      await run(["ip", "-batch", "-"], lines.join(""));
    },
    kubectl: (args, input) => captureKubectl(lab, args, input),
    ...settings(lab),
  };
}

/** Writes settings into the stack's file, where a person would, for as long as the program runs. */
function settings(lab: Lab): Pick<World, "deploy" | "hasOtherSettings" | "restoreSettings"> {
  const file = repositoryPath(`Pulumi.${lab.stack}.yaml`);
  const original = readFileSync(file, "utf8");
  let changed: Document | undefined;
  // With --json what it says comes by standard error, and so into the message of a run that fails.
  const deploy = () => run([process.execPath, repositoryPath("lab/cli.ts"), "deploy", "--json"]);
  return {
    async deploy(path, value) {
      changed ??= parseDocument(original);
      changed.setIn(["config", ...path], value);
      writeFileSync(file, changed.toString());
      try {
        await deploy();
      } finally {
        writeFileSync(file, original);
      }
    },
    hasOtherSettings: () => changed !== undefined,
    async restoreSettings() {
      await deploy();
      changed = undefined;
    },
  };
}
