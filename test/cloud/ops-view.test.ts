/** What on-call's tools read of Hetzner's API. */
import { expect, it } from "vitest";
import { callApi, serverStates, targetHealth } from "../../ops/hetzner.ts";
import { Lab, TOKEN } from "./support/lab.ts";

const order = { name: "entry", load_balancer_type: "lb11", location: "fsn1" };
const service = (port: number) => ({ protocol: "tcp", listen_port: port, destination_port: port });

const node = (name: string) => ({ name, publicIp: "", privateIp: "", location: "fsn1", hostKey: "" });
/** n3's server is gone. */
const nodes = { n1: node("lab-n1"), n2: node("lab-n2"), n3: node("lab-n3") };

it("a target is healthy when all services find it so, by node", async () => {
  const lab = await Lab.start();
  const [n1, n2] = [await lab.server("lab-n1"), await lab.server("lab-n2")];
  const id = await lab.make("load_balancers", order);
  const act = async (action: string, body: object) =>
    lab.finished(await lab.post(`/load_balancers/${id}/actions/${action}`, body));
  for (const port of [443, 6443]) await act("add_service", service(port));
  for (const server of [n1, n2]) await act("add_target", { type: "server", server: { id: server } });
  const api = { url: lab.cloud.endpoint, token: TOKEN };
  const entry = { kind: "load-balancer", addresses: ["198.51.100.200"] };

  expect(await targetHealth(api, { entry, nodes })).toEqual({ n1: "unknown", n2: "unknown", n3: "unknown" });
  lab.balancers.states.set(id, [
    { server: n1, listenPort: 443, health: "healthy" },
    { server: n1, listenPort: 6443, health: "healthy" },
    { server: n2, listenPort: 443, health: "unhealthy" },
    { server: n2, listenPort: 6443, health: "healthy" },
  ]);
  expect(await targetHealth(api, { entry, nodes })).toEqual({ n1: "healthy", n2: "unknown", n3: "unknown" });

  const elsewhere = { ...entry, addresses: ["198.51.100.7"] };
  await expect(targetHealth(api, { entry: elsewhere, nodes })).rejects.toThrow(
    "no load balancer of this project has 198.51.100.7",
  );
});

it("a server has a state, or is gone; a wrong token is told", async () => {
  const lab = await Lab.start();
  await lab.server("lab-n1");
  const api = { url: lab.cloud.endpoint, token: TOKEN };
  const state = serverStates(api);
  expect(await Promise.all([state("lab-n1"), state("lab-n2")])).toEqual(["running", "gone"]);
  await expect(callApi({ ...api, token: "wrong" }, "GET", "/servers")).rejects.toThrow(
    /^GET \/servers: 401 /,
  );
});
