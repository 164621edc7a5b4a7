/** A load balancer by the API, in a lab as `make up` starts it. Needs root, an image and HAProxy. */
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { z } from "zod";
import { LAB_NET } from "../../lab/addresses.ts";
import { eventually } from "./support/eventually.ts";
import { makeTestLab, type TestLab } from "./support/lab.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 90_000 });

let lab: TestLab;

async function api(method: string, path: string, body?: object): Promise<unknown> {
  const argv = ["curl", "-sS", "-X", method, "-H", "Authorization: Bearer test", `${LAB_NET.apiUrl}${path}`];
  const data = body === undefined ? [] : ["--data-binary", JSON.stringify(body)];
  const { stdout, stderr } = await lab.exec([...argv, ...data]);
  expect(stderr).toBe("");
  return stdout === "" ? null : JSON.parse(stdout);
}

const withId = z.object({ id: z.number() });
async function make(collection: string, key: string, body: object): Promise<number> {
  return withId.parse(z.record(z.string(), z.unknown()).parse(await api("POST", `/${collection}`, body))[key])
    .id;
}

/** The first line that sshd says to somebody on the internet, through the load balancer. */
async function banner(): Promise<string> {
  const argv = ["timeout", "5", "bash", "-c", "exec 3<>/dev/tcp/198.51.100.200/2222; head -1 <&3"];
  return (await lab.exec(argv)).stdout;
}
const untilServed = () => eventually(async () => expect(await banner()).toMatch(/^SSH-2\.0-OpenSSH/), 60_000);

beforeAll(async () => {
  lab = await makeTestLab({ cloud: "emulated" });
  await lab.start();
});
afterAll(() => lab.dispose());

it("forwards to a server by its private address, and again after a restart of the lab", async () => {
  const subnets = [{ type: "cloud", ip_range: "10.0.1.0/24", network_zone: "eu-central" }];
  const network = await make("networks", "network", { name: "n", ip_range: "10.0.0.0/16", subnets });
  const order = { name: "m11", server_type: "cx23", image: "debian-13", networks: [network] };
  const server = await make("servers", "server", { ...order, user_data: lab.spec(11).userData });
  const health_check = { protocol: "tcp", port: 22, interval: 3, timeout: 3, retries: 1 };
  const balancer = await make("load_balancers", "load_balancer", {
    name: "lb",
    load_balancer_type: "lb11",
    location: "fsn1",
    network,
    services: [{ protocol: "tcp", listen_port: 2222, destination_port: 22, health_check }],
    targets: [{ type: "server", server: { id: server }, use_private_ip: true }],
  });
  await untilServed();
  const healthy = { targets: [{ health_status: [{ listen_port: 2222, status: "healthy" }] }] };
  const shown = () => api("GET", `/load_balancers/${balancer}`);
  await eventually(async () => expect(await shown()).toMatchObject({ load_balancer: healthy }));

  await lab.stop();
  await lab.start();
  await untilServed();

  await api("DELETE", `/load_balancers/${balancer}`);
  await eventually(async () => expect(await banner()).toBe(""));
});
