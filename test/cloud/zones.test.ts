import { describe, expect, it } from "vitest";
import { Lab, problem } from "./support/lab.ts";

async function start() {
  const lab = await Lab.start();
  const id = await lab.make("zones", { name: "example.com", mode: "primary", ttl: 300, labels: { a: "b" } });
  return { lab, id };
}

const apps = { name: "*.apps", type: "A", records: [{ value: "198.51.100.200" }] };

describe("zones", () => {
  it("are made with Hetzner's records, found by id and name, changed and deleted", async () => {
    const { lab, id } = await start();
    const zone = await lab.one("zones", id);
    expect(zone).toMatchObject({
      name: "example.com",
      mode: "primary",
      ttl: 300,
      labels: { a: "b" },
      status: "ok",
      record_count: 4,
      protection: { delete: false },
      authoritative_nameservers: { assigned: expect.arrayContaining(["hydrogen.ns.hetzner.com."]) },
    });
    expect((await lab.get("/zones/example.com")).body).toEqual({ zone });
    expect((await lab.get("/zones?name=example.com")).body).toMatchObject({ zones: [{ id }] });
    expect((await lab.get("/zones/example.com/rrsets?type=NS")).body).toMatchObject({
      rrsets: [{ id: "@/NS", zone: id }],
      meta: { pagination: { total_entries: 1 } },
    });
    await lab.finished(await lab.post(`/zones/${id}/actions/change_ttl`, { ttl: 60 }));
    await lab.finished(await lab.post(`/zones/${id}/actions/change_protection`, { delete: true }));
    await lab.call("PUT", `/zones/${id}`, { labels: {} });
    expect(await lab.one("zones", id)).toMatchObject({ ttl: 60, labels: {}, protection: { delete: true } });
    expect(await lab.call("DELETE", `/zones/${id}`)).toMatchObject(problem(423, "protected"));
    await lab.finished(await lab.post(`/zones/${id}/actions/change_protection`, { delete: false }));
    await lab.finished(await lab.call("DELETE", `/zones/${id}`));
    expect(await lab.get("/zones/example.com")).toMatchObject(problem(404, "not_found"));
  });

  it("survive a restart", async () => {
    const { lab, id } = await start();
    await lab.finished(await lab.post(`/zones/${id}/rrsets`, apps));
    const before = (await lab.get(`/zones/${id}/rrsets`)).body;
    await lab.restart();
    expect((await lab.get(`/zones/${id}/rrsets`)).body).toEqual(before);
  });

  it("are unique, and secondary ones are refused", async () => {
    const { lab } = await start();
    const zone = { name: "example.com", mode: "primary" };
    expect(await lab.post("/zones", zone)).toMatchObject(problem(409, "uniqueness_error"));
    expect(await lab.post("/zones", { ...zone, mode: "secondary" })).toMatchObject({
      body: { error: { details: { fields: [{ messages: ["the lab has primary zones only"] }] } } },
    });
  });
});

describe("record sets", () => {
  const path = "/zones/example.com/rrsets/*.apps/A";

  it("are made, found, changed and deleted", async () => {
    const { lab, id } = await start();
    await lab.finished(await lab.post("/zones/example.com/rrsets", apps));
    const shown = { id: "*.apps/A", zone: id, ttl: null, labels: {}, protection: { change: false } };
    expect((await lab.get(path)).body).toMatchObject({ rrset: { ...apps, ...shown } });
    const act = async (action: string, body: object) =>
      lab.finished(await lab.post(`${path}/actions/${action}`, body));
    await act("set_records", { records: [{ value: "192.0.2.7", comment: "c" }] });
    await act("add_records", { records: [{ value: "192.0.2.8" }] });
    await act("change_ttl", { ttl: 120 });
    expect((await lab.get(path)).body).toMatchObject({
      rrset: { ttl: 120, records: [{ value: "192.0.2.7", comment: "c" }, { value: "192.0.2.8" }] },
    });
    await act("remove_records", { records: [{ value: "192.0.2.7" }] });
    await act("change_ttl", { ttl: null });
    expect((await lab.get(path)).body).toMatchObject({
      rrset: { ttl: null, records: [{ value: "192.0.2.8" }] },
    });
    await lab.finished(await lab.call("DELETE", path));
    expect(await lab.get(path)).toMatchObject(
      problem(404, "not_found", "RRSet with ID '*.apps/A' not found"),
    );
  });

  it("can be protected against changes", async () => {
    const { lab } = await start();
    await lab.post("/zones/example.com/rrsets", apps);
    await lab.finished(await lab.post(`${path}/actions/change_protection`, { change: true }));
    const change = { records: [{ value: "192.0.2.1" }] };
    expect(await lab.post(`${path}/actions/set_records`, change)).toMatchObject(problem(423, "protected"));
    expect(await lab.call("DELETE", path)).toMatchObject(problem(423, "protected"));
  });

  it.each([
    [{ ...apps, records: [{ value: "2001:db8::1" }] }, "'2001:db8::1' is no value of a record of type A"],
    [{ ...apps, records: [...apps.records, ...apps.records] }, "records must differ"],
    [{ name: "x", type: "TXT", records: [{ value: "bare" }] }, "'bare' is no value of a record of type TXT"],
    [{ ...apps, type: "SOA" }, "invalid input in field 'type'"],
    [{ ...apps, name: "www.example.com." }, "invalid input in field 'name'"],
  ])("are refused with a reason: %j", async (rrset, message) => {
    const { lab } = await start();
    expect(await lab.post("/zones/example.com/rrsets", rrset)).toMatchObject(
      problem(422, "invalid_input", message),
    );
  });

  it("are there once", async () => {
    const { lab } = await start();
    await lab.post("/zones/example.com/rrsets", apps);
    expect(await lab.post("/zones/example.com/rrsets", apps)).toMatchObject(problem(409, "uniqueness_error"));
  });
});
