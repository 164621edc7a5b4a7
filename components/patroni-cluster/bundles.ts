/** The nodes' part: the folder of the member, and the operator's script with its certificate. */
import type * as pulumi from "@pulumi/pulumi";
import { readRepositoryFile } from "../../lib/repository-file.ts";
import { POSTGRES } from "../../plan/postgres.ts";
import type { Bundle } from "../host/index.ts";
import { USER } from "../kubernetes/pods.ts";
import type { PostgresAuthority } from "./authority.ts";
import { NODE_FOLDER } from "./render.ts";

const script = (name: string, mode: string) => ({
  path: `/usr/local/lib/gardenos/${name}`,
  mode,
  content: readRepositoryFile(`files/postgres/${name.replace(/\.sh$/, "")}.sh`),
});

const UNITS = "/etc/systemd/system";
const TIMER = "apart.timer";

const unit = (name: string) => ({
  path: `${UNITS}/gardenos-postgres-${name}`,
  content: readRepositoryFile(`files/postgres/${name}`),
});

/** Nothing here restarts anything, so all nodes take it at once. */
export function nodeBundle(
  env: string,
  { caPem, operator }: Pick<PostgresAuthority, "caPem" | "operator">,
): Bundle<pulumi.Input<string>> {
  return {
    name: "postgres",
    directories: [
      // As Kubernetes would make it for the pod's group: then it leaves everything below as it is.
      { path: POSTGRES.dataDirectory, mode: "2770", owner: `${USER}:${USER}` },
    ],
    files: [
      { path: `${NODE_FOLDER}/node.env`, content: env },
      { path: `${NODE_FOLDER}/ca.crt`, content: caPem },
      { path: `${NODE_FOLDER}/client.crt`, content: operator.cert },
      { path: `${NODE_FOLDER}/client.key`, content: operator.key, mode: "0600" },
      script("postgres-node", "0755"),
      script("postgres-common.sh", "0644"),
      script("postgres-roll.sh", "0644"),
      unit("apart.service"),
      unit(TIMER),
    ],
    units: [{ name: `gardenos-postgres-${TIMER}`, action: "restart", watches: [UNITS] }],
    hooks: { validate: readRepositoryFile("files/postgres/validate.sh") },
  };
}
