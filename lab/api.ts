/** The few calls that lab commands make to the emulated API themselves. Runs inside the lab's network. */
import { callApi, type HetznerApi, listServers, type Server } from "../ops/hetzner.ts";
import { waitFor } from "../ops/wait.ts";
import { LAB_NET } from "./addresses.ts";
import type { Lab } from "./lab.ts";

const PATIENCE = { seconds: 60, everyMs: 200 };

export const labApi = ({ files }: Lab): HetznerApi => ({ url: LAB_NET.apiUrl, token: files.token });

/** @throws Error when the node has no server */
export async function serverOf(lab: Lab, node: string): Promise<Server> {
  const servers = await listServers(labApi(lab));
  const server = servers.find((each) => each.labels["node"] === node);
  if (server) return server;
  const known = servers.map((each) => each.labels["node"] ?? each.name).join(", ");
  throw new Error(
    `there is no server for node ${node}; ${known ? `there are ${known}` : "there are none yet"}`,
  );
}

/** Deletes a server as a person would in Hetzner's console: lifts the protection, then deletes. */
export async function destroyServer(lab: Lab, { id, name }: Server): Promise<void> {
  const api = labApi(lab);
  await callApi(api, "POST", `/servers/${id}/actions/change_protection`, { delete: false, rebuild: false });
  let refusal: unknown;
  const gone = await waitFor(async () => {
    if (!(await listServers(api)).some((server) => server.id === id)) return true;
    // Refused while the change of protection is under way.
    refusal = await callApi(api, "DELETE", `/servers/${id}`).catch((error: unknown) => error);
    return false;
  }, PATIENCE);
  if (!gone) throw new Error(`${name} is still there after a minute: ${refusal}`);
}

/** A power cut, or the end of one. Resolves when the machine is off, or boots. */
export async function power(lab: Lab, server: Server, state: "off" | "running"): Promise<void> {
  const api = labApi(lab);
  const action = state === "off" ? "poweroff" : "poweron";
  await callApi(api, "POST", `/servers/${server.id}/actions/${action}`);
  const done = await waitFor(
    async () => (await listServers(api)).find(({ id }) => id === server.id)?.status === state,
    PATIENCE,
  );
  if (!done) throw new Error(`${server.name} is not ${state} after a minute; see .lab/daemon.log`);
}
