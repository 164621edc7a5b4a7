/** What files/k3s/validate.sh lets through, on a machine that looks as if K3s ran there. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Bundle } from "../../components/host/bundle.ts";
import { readRepositoryFile } from "../../lib/repository-file.ts";
import { bootHost, done, HOSTNAME, type Host } from "./support/host.ts";

const TLS = "/var/lib/rancher/k3s/server/tls";
const STAGED = "/usr/local/share/gardenos/k3s";
const config = (pods: string, services: string) => `cluster-cidr: ${pods}\nservice-cidr: ${services}\n`;
const unit = (version: string) => `[Service]\nExecStart=/opt/k3s-${version}/k3s server\n`;

interface Wanted {
  readonly token: string;
  readonly serverCa: string;
  readonly podCidr: string;
  readonly serviceCidr: string;
  readonly version: string;
}

const LIVING: Wanted = {
  ...{ token: "T", serverCa: "CA", version: "v1.36.5+k3s1" },
  ...{ podCidr: "10.42.0.0/16", serviceCidr: "10.43.0.0/16" },
};

/** The part of K3s's files that the check looks at. */
function bundle(change: Partial<Wanted>): Bundle {
  const { token, serverCa, podCidr, serviceCidr, version } = { ...LIVING, ...change };
  const authority = (role: string, content: string) => ({
    path: `${TLS}/${role}-ca.crt`,
    content,
    seed: true,
  });
  return {
    name: "k3s-files",
    files: [
      { path: "/etc/rancher/k3s/token", content: token, mode: "0600" },
      authority("server", serverCa),
      authority("client", "client"),
      authority("request-header", "request-header"),
      { path: `${STAGED}/config.yaml`, content: config(podCidr, serviceCidr) },
      { path: `${STAGED}/k3s.service`, content: unit(version) },
    ],
    hooks: { validate: readRepositoryFile("files/k3s/validate.sh") },
  };
}

let host: Host;
beforeAll(async () => {
  host = await bootHost();
});
afterAll(() => host.dispose());

it("a node on which K3s never ran takes everything", async () => {
  expect(await host.apply(bundle({}))).toEqual(done("k3s-files: 6 files changed\n"));
});

describe("on a living cluster", () => {
  beforeEach(async () => {
    await host.run(
      `cp ${STAGED}/config.yaml /etc/rancher/k3s/; cp ${STAGED}/k3s.service /etc/systemd/system/`,
    );
  });

  it("the next minor and other patches are welcome", async () => {
    for (const version of ["v1.37.1+k3s1", "v1.36.6+k3s1", "v1.36.5+k3s1"]) {
      expect((await host.apply(bundle({ version }))).status, version).toBe(0);
    }
  });

  it.each([
    ["another token", { token: "other" }, "the token of a living cluster can't change."],
    ["another authority", { serverCa: "other" }, "the server authority of a living cluster can't change."],
    ["another pod network", { podCidr: "10.52.0.0/16" }, "cluster-cidr of a living cluster can't change."],
    [
      "another service network",
      { serviceCidr: "10.53.0.0/16" },
      "service-cidr of a living cluster can't change.",
    ],
    ["a skipped minor", { version: "v1.38.0+k3s1" }, "Kubernetes goes up one minor version at a time"],
    ["a minor that goes back", { version: "v1.35.9+k3s1" }, "Kubernetes goes up one minor version at a time"],
  ] as const)("%s is refused, and nothing is changed", async (_, change, words) => {
    const look = () => host.run(`cat /etc/rancher/k3s/token ${STAGED}/* ${TLS}/*`);
    const before = await look();
    const { status, stderr } = await host.apply(bundle(change));
    expect(status).toBe(1);
    expect(stderr).toContain(`K3s on ${HOSTNAME}: ${words}`);
    expect(stderr).toContain("No file was changed.");
    expect(await look()).toBe(before);
  });
});
