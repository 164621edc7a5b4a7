import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { startCloud } from "../../lab/cloud/server.ts";
import { actionsOf, idOf, Lab, problem, serverOrder, TOKEN } from "./support/lab.ts";
import { RecordingHypervisor } from "./support/recording-hypervisor.ts";

/** A hypervisor after a restart of the daemon: it knows the machines, and all are off. */
function afterPowerCut(old: RecordingHypervisor): RecordingHypervisor {
  const hypervisor = new RecordingHypervisor();
  for (const id of old.machines.keys()) hypervisor.machines.set(id, "off");
  return hypervisor;
}

describe("the records", () => {
  it("are on disk before the answer, for the owner alone", async () => {
    const lab = await Lab.start();
    const id = await lab.sshKey("kept");
    expect(JSON.parse(readFileSync(lab.stateFile, "utf8"))).toMatchObject({
      ssh_keys: [{ id, name: "kept" }],
    });
    expect(statSync(lab.stateFile).mode & 0o777).toBe(0o600);
  });

  it("survive a restart", async () => {
    const lab = await Lab.start();
    const [key, firewall, network] = [await lab.sshKey(), await lab.firewall(), await lab.network()];
    const group = await lab.make("placement_groups", { name: "g", type: "spread" });
    const extra = { ssh_keys: [key], firewalls: [{ firewall }], networks: [network], placement_group: group };
    const server = await lab.server("n1", extra);
    const all = () =>
      Promise.all([
        lab.one("ssh_keys", key),
        lab.one("firewalls", firewall),
        lab.one("networks", network),
        lab.one("placement_groups", group),
        lab.one("servers", server),
      ]);
    const before = await all();
    await lab.restart();
    expect(await all()).toEqual(before);
  });

  it("of a cloud made anew have other ids than those of the one before it", async () => {
    const before = await (await Lab.start()).sshKey();
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 60_000 });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    expect(await (await Lab.start()).sshKey()).not.toBe(before);
  });

  it("are refused when they are something else", async () => {
    const lab = await Lab.start();
    writeFileSync(lab.stateFile, "{}");
    const options = { port: 0, token: TOKEN, stateFile: lab.stateFile, hypervisor: lab.hypervisor };
    await expect(startCloud(options)).rejects.toThrow(
      `${lab.stateFile}: wanted the records of the lab's cloud, got something else; remove it to begin with an empty cloud`,
    );
  });

  it("that can't be written make the call fail, and the log says why", async () => {
    const lab = await Lab.start();
    mkdirSync(`${lab.stateFile}.new`);
    const answer = await lab.post("/placement_groups", { name: "g", type: "spread" });
    expect(answer).toMatchObject(problem(500, "server_error", "the lab's cloud has failed: see its log"));
    expect(lab.log).toEqual([expect.stringContaining("cloud: POST /v1/placement_groups: EISDIR")]);
  });

  it("are not changed by a call that is refused", async () => {
    const lab = await Lab.start();
    await lab.sshKey();
    const before = readFileSync(lab.stateFile, "utf8");
    expect((await lab.post("/ssh_keys", { name: "x", public_key: "none" })).status).toBe(422);
    expect(readFileSync(lab.stateFile, "utf8")).toBe(before);
  });
});

describe("resuming", () => {
  it("boots what ran, with its cards and filters, and leaves off what was off", async () => {
    const lab = await Lab.start();
    const [firewall, network] = [await lab.firewall(), await lab.network()];
    const on = await lab.server("n1", { firewalls: [{ firewall }], networks: [network] });
    const off = await lab.server("n2");
    await lab.finished(await lab.post(`/servers/${off}/actions/poweroff`));
    const next = afterPowerCut(lab.hypervisor);
    await lab.restart(next);
    expect(await lab.one("servers", on)).toMatchObject({ status: "off" });
    expect(lab.cloud.servers()).toMatchObject([
      { spec: { id: on, name: "n1" }, power: "running", nics: [{ ip: "10.0.1.1" }], rules: [{ port: "22" }] },
      { spec: { id: off, name: "n2" }, power: "off", nics: [], rules: undefined },
    ]);
    await lab.cloud.resume();
    expect(next.calls).toEqual([`setFirewall ${on} 1 rules`, `attachNic ${on} 10.0.1.1`, `powerOn ${on}`]);
    expect(await lab.one("servers", on)).toMatchObject({ status: "running" });
    expect(await lab.one("servers", off)).toMatchObject({ status: "off" });
  });

  it("does nothing to machines that run as they should", async () => {
    const lab = await Lab.start();
    await lab.server();
    lab.hypervisor.calls.length = 0;
    await lab.cloud.resume();
    expect(lab.hypervisor.calls).toEqual([]);
  });

  it("finishes what was cut short", async () => {
    const lab = await Lab.start();
    const [going, renewed] = [await lab.server("going"), await lab.server("renewed")];
    for (const method of ["create", "delete", "rebuild"] as const) lab.hypervisor.hold(method);
    const coming = await lab.post("/servers", serverOrder("coming"));
    const deletion = await lab.call("DELETE", `/servers/${going}`);
    await lab.post(`/servers/${renewed}/actions/rebuild`, { image: "debian-12" });
    const killed = readFileSync(lab.stateFile, "utf8");

    const successor = await Lab.start();
    writeFileSync(successor.stateFile, killed);
    const next = afterPowerCut(lab.hypervisor);
    await successor.restart(next);
    await successor.cloud.resume();
    expect(next.specs.get(idOf(coming))).toMatchObject({ name: "coming" });
    expect(next.calls).toContain(`rebuild ${renewed} debian-12 #cloud-config`);
    expect(next.machines.has(going)).toBe(false);
    expect((await successor.get(`/servers/${going}`)).status).toBe(404);
    const [action] = actionsOf(deletion);
    expect((await successor.get(`/actions/${action?.id}`)).body).toMatchObject({
      action: { status: "error", error: { message: "the lab was stopped before this action was done" } },
    });
  });

  it("names every server that does not come back", async () => {
    const lab = await Lab.start();
    const id = await lab.server("n1");
    const next = afterPowerCut(lab.hypervisor);
    next.failNext("powerOn", `server ${id} (n1): wanted to boot, but it ended at once`);
    await lab.restart(next);
    await expect(lab.cloud.resume()).rejects.toThrow(
      `not all servers could be started again:\nn1: server ${id} (n1): wanted to boot, but it ended at once`,
    );
  });
});
