/** What a Supabase stack is made of, in which order, and who of it sees which secret. */
import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { repositoryPath } from "../../lib/repository-file.ts";
import type { Recording } from "../support/record.ts";
import { ALL, CODE, FULL, listed, make, named, SECRETS } from "./support/supabase-stack.ts";

describe("a stack", () => {
  it("has the services of its profile, each with a Service", async () => {
    const core = await make();
    expect(listed(core, "Deployment").sort()).toEqual(["auth", "gateway", "realtime", "rest", "storage"]);
    const full = await make(FULL);
    expect(listed(full, "Deployment").sort()).toEqual([...ALL].sort());
    const without = await make({ profile: "full" });
    expect(listed(without, "Deployment").sort()).toEqual(ALL.filter((name) => name !== "functions").sort());
    expect(listed(core, "Service").sort()).toEqual([
      "auth",
      "gateway",
      "realtime",
      "realtime-nodes",
      "rest",
      "storage",
    ]);
  });

  it("makes its SQL before any service, and the gateway after all others", async () => {
    const recording = await make();
    expect(named(recording, "Deployment", "auth").dependsOn).toContain("supabase/auth");
    expect(named(recording, "Secret", "auth").dependsOn).toContain("supabase-sql");
    expect(named(recording, "Secret", "gateway").dependsOn).toEqual(
      expect.arrayContaining(["supabase/realtime"]),
    );
  });

  it("has a budget for each service, which lets a drain take one pod", async () => {
    const recording = await make(FULL);
    expect(listed(recording, "PodDisruptionBudget").sort()).toEqual([...ALL].sort());
    const { plain } = named(recording, "PodDisruptionBudget", "studio");
    expect(plain["spec"]).toMatchObject({ maxUnavailable: 1 });
  });

  it("tells Realtime its pod's address, by which its nodes are called", async () => {
    const spec = JSON.stringify(named(await make(), "Deployment", "realtime").plain["spec"]);
    expect(spec).toContain('{"name":"POD_IP","valueFrom":{"fieldRef":{"fieldPath":"status.podIP"}}}');
  });

  it("lets services call whom they need, and storage not PostgREST", async () => {
    const policies = listed(await make(FULL), "NetworkPolicy");
    expect(policies.filter((name) => /^storage-to-|-from-storage$/.test(name)).sort()).toEqual([
      "imgproxy-from-storage",
      "storage-to-imgproxy",
    ]);
  });
});

/** What the stand-in, which is written from the services' documents, misses in an environment. */
function missing(service: string, names: readonly string[]): readonly string[] {
  const script =
    "import json, sys\nfrom stand_in.requirements import missing\n" +
    "print(json.dumps(missing(sys.argv[1], {name: 'x' for name in sys.argv[2:]})))";
  const args = ["-B", "-c", script, service, ...names];
  const said = execFileSync("python3", args, {
    cwd: repositoryPath("lab/images/stand-in"),
    encoding: "utf8",
  });
  return (JSON.parse(said) as string[]).filter((problem) => problem.endsWith("is not set"));
}

describe("the environment of each service", () => {
  it.each(ALL.filter((name) => name !== "gateway"))(
    "of %s has every variable that it must",
    async (service) => {
      const spec = named(await make(FULL), "Deployment", service).plain["spec"] as {
        template: { spec: { containers: { env: { name: string }[] }[] } };
      };
      const names = spec.template.spec.containers.flatMap(({ env }) => env.map(({ name }) => name));
      expect(missing(service, names)).toEqual([]);
    },
  );
});

describe("functions", () => {
  const codes = (recording: Recording) =>
    listed(recording, "ConfigMap").filter((name) => name.startsWith("functions-code"));
  const volume = (recording: Recording) =>
    JSON.stringify(named(recording, "Deployment", "functions").plain["spec"]).match(/"items":(\[.*?\])/)?.[1];

  it("find their code by its paths, and start with main", async () => {
    const recording = await make(FULL);
    const [name = ""] = codes(recording);
    expect(name).toMatch(/^functions-code-[0-9a-f]{12}$/);
    expect(named(recording, "ConfigMap", name).plain["data"]).toEqual({
      "file-0": "// hello",
      "file-1": "// main",
    });
    expect(JSON.parse(volume(recording) ?? "")).toEqual([
      { key: "file-0", path: "hello/index.ts" },
      { key: "file-1", path: "main/index.ts" },
    ]);
  });

  it("have other code in another object, so that old pods keep theirs", async () => {
    const moved = { ...CODE, "added/index.ts": "// added" };
    const names = [codes(await make(FULL)), codes(await make(FULL)), codes(await make(FULL, SECRETS, moved))];
    expect(names[1]).toEqual(names[0]);
    expect(names[2]).not.toEqual(names[0]);
  });

  it("are replaced when their code is another, and nothing else is", async () => {
    const spec = async (name: string, code = CODE) =>
      JSON.stringify(named(await make(FULL, SECRETS, code), "Deployment", name).plain["spec"]);
    const changed = { ...CODE, "hello/index.ts": "// other" };
    expect(await spec("functions", changed)).not.toBe(await spec("functions"));
    expect(await spec("auth", changed)).toBe(await spec("auth"));
  });
});

describe("Studio", () => {
  it("is served where it has a host, behind a password that is exported and nothing else", async () => {
    const hosts = (recording: Recording) =>
      JSON.stringify(named(recording, "Ingress", "gateway").plain["spec"]).match(/"host":"[^"]+"/g);
    expect(hosts(await make(FULL))).toEqual(['"host":"supabase.example.org"']);
    const served = await make({ ...FULL, studio: { host: "studio" } });
    expect(hosts(served)).toEqual(['"host":"supabase.example.org"', '"host":"studio.example.org"']);
    const { "envoy.yaml": config } = named(served, "Secret", "gateway").plain["data"] as Record<
      string,
      string
    >;
    const text = Buffer.from(config ?? "", "base64").toString();
    expect(text).toContain("studio:{SHA}");
    expect(text).not.toContain("CANARY-supabase-studio-password");
  });
});

describe("secrets", () => {
  it("are in no value that a preview shows", async () => {
    const recording = await make({
      ...{ ...FULL, studio: { host: "studio" } },
      smtp: { host: "mail.example.org", user: "u", from: "a@example.org" },
      oauth: { github: { clientId: "id" } },
    });
    for (const { inputs, name } of recording.resources)
      expect(JSON.stringify(inputs), name).not.toContain("CANARY");
  });

  it("are given to who needs them: nobody but Studio's own services has another one's password", async () => {
    const recording = await make(FULL);
    const keysOf = (name: string) =>
      Object.keys((named(recording, "Secret", name).plain["data"] ?? {}) as object).sort();
    expect(keysOf("rest")).toEqual(["PGRST_DB_URI", "PGRST_JWT_SECRET"]);
    expect(listed(recording, "Secret")).not.toContain("imgproxy");
    expect(keysOf("functions")).not.toContain("AWS_SECRET_ACCESS_KEY");
    const texts = (name: string) =>
      Object.values(named(recording, "Secret", name).plain["data"] as Record<string, string>).map((each) =>
        Buffer.from(each, "base64").toString(),
      );
    const seers = listed(recording, "Secret").filter((name) =>
      texts(name).join("\n").includes("CANARY-supabase-supabase_realtime-password"),
    );
    expect(seers).toEqual(["realtime", "realtime-tenant"]);
  });

  it("of roles are drawn anew by a rotation, and nothing else is", async () => {
    const kept = async (rotation: number) =>
      (await make({ rotation })).resources.flatMap(({ type, name, plain }) =>
        type === "random:index/randomPassword:RandomPassword" && plain["keepers"]
          ? [[name, plain["keepers"]]]
          : [],
      );
    expect(await kept(0)).toEqual([]);
    const roles = [
      "supabase_auth_admin",
      "authenticator",
      "supabase_realtime",
      "supabase_storage_admin",
      "postgres",
    ];
    expect(await kept(2)).toEqual(roles.map((role) => [`supabase-${role}-password`, { rotation: "2" }]));
  });

  it("that change replace the pods of who reads them, and no others", async () => {
    const hash = (recording: Recording, name: string) =>
      JSON.stringify(named(recording, "Deployment", name).plain["spec"]).match(
        /"gardenos\/config":"(\w+)"/,
      )?.[1];
    const [one, other] = [await make(), await make({}, { ...SECRETS, s3SecretAccessKey: "CANARY-another" })];
    expect(hash(one, "storage")).not.toBe(hash(other, "storage"));
    expect(hash(one, "auth")).toBe(hash(other, "auth"));
    expect(hash(one, "auth")).toMatch(/^\w{12}$/);
  });
});
