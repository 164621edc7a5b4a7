import { describe, expect, it } from "vitest";
import { run } from "../../lab/machines/run.ts";
import { type FilterInput, renderFilter } from "../../lab/network/firewall.ts";

const input: FilterInput = {
  servers: [
    {
      id: 11,
      publicIp: "198.51.100.11",
      rules: [
        { protocol: "tcp", port: "22", sourceIps: ["203.0.113.0/24", "203.0.113.10/32", "2001:db8::/32"] },
        { protocol: "tcp", port: "30000-32767", sourceIps: ["0.0.0.0/0", "::/0"] },
        { protocol: "udp", port: "51820", sourceIps: ["198.51.100.12/32"] },
        { protocol: "icmp", sourceIps: ["0.0.0.0/0"] },
        { protocol: "esp", sourceIps: ["192.0.2.0/24"] },
        { protocol: "gre", sourceIps: ["192.0.2.0/24"] },
      ],
    },
    { id: 12, publicIp: "198.51.100.12", rules: [] },
    { id: 13, publicIp: "198.51.100.13", rules: undefined },
  ],
  balancers: [
    { publicIp: "198.51.100.200", nic: { bridge: "net1", ip: "10.0.1.5" } },
    { publicIp: "198.51.100.201", nic: undefined },
  ],
  privateBridges: ["net1", "net2"],
  publicBridge: "pub",
  artifactIp: "192.0.2.1",
};

describe("renderFilter", () => {
  it("writes three servers and two networks", async () => {
    await expect(renderFilter(input)).toMatchFileSnapshot("golden/filter.nft");
  });

  it.each([
    ["three servers and two networks", input],
    ["nothing", { ...input, servers: [], balancers: [], privateBridges: [] }],
  ])("is taken by nft: %s", async (_, filter) => {
    // In a name space of its own, because even a check looks at the rules that are loaded.
    await expect(run(["unshare", "--net", "nft", "-c", "-f", "-"], renderFilter(filter))).resolves.toBe("");
  });

  it("lets everything through to a server without a firewall", () => {
    expect(renderFilter(input)).not.toContain("198.51.100.13");
  });

  it("drops everything for a firewall without rules", () => {
    expect(renderFilter(input)).toContain("chain server_12 {\n    drop\n  }");
  });
});
