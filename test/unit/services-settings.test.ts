import { describe, expect, it } from "vitest";
import { checkAiApiKey, checkRegistries } from "../../config/secrets.ts";
import { planServices } from "../../plan/services.ts";
import { GOOD, problemsOf, settingsOf } from "../support/settings.ts";

const IMAGE = "ghcr.io/example/api:1.4.0";
const DIGEST = `${IMAGE}@sha256:${"0".repeat(64)}`;

/** Field → want of every problem. */
const found = (services: Record<string, unknown>, more: Record<string, unknown> = {}) =>
  Object.fromEntries(problemsOf({ ...GOOD, services, ...more }).map((p) => [p.field, p.want]));

describe("services", () => {
  it("may be none", () => expect(found({})).toEqual({}));

  it("have a name that Kubernetes takes", () => {
    expect(found({ My_API: { image: IMAGE } })).toEqual({
      "gardenos:services.My_API": "a service name such as api",
    });
  });

  it("do not have a name that something else has", () => {
    const migrate = ["alembic", "upgrade", "head"];
    const api = { image: IMAGE, database: "app", migrate };
    const image = { image: IMAGE };
    expect(found({ api, "api-migrate": image, default: image, constructor: image })).toEqual({
      "gardenos:services.api-migrate": "another name: api-migrate is what the migration of api is called",
      "gardenos:services.default": "a name that is not one of the system's own",
      "gardenos:services.constructor": "a name that is not one of the system's own",
    });
    expect(found({ api: image, "api-migrate": image })).toEqual({});
    expect(found(JSON.parse(`{"__proto__": {"image": "${IMAGE}"}}`))).toEqual({
      "gardenos:services.__proto__": "another name: nothing can be kept by this one",
    });
  });

  it("come by digest in prod", () => {
    const prod = { environment: "prod" };
    expect(found({ api: { image: IMAGE } }, prod)).toEqual({
      "gardenos:services.api.image": "an image by digest in prod (name:tag@sha256:…): a tag may be moved",
    });
    expect(found({ api: { image: DIGEST } }, prod)).toEqual({});
  });

  it("scale one way or the other", () => {
    const wants = found({ api: { image: IMAGE, replicas: 2, autoscale: { min: 4, max: 3 } } });
    expect(wants).toEqual({
      "gardenos:services.api.replicas": "replicas or autoscale: each would undo what the other does",
      "gardenos:services.api.autoscale.max": "at least autoscale.min = 4",
    });
  });

  it("use databases that there are, and migrate only those, one service each", () => {
    const migrate = ["alembic", "upgrade", "head"];
    expect(
      found({
        a: { image: IMAGE, database: "shop" },
        b: { image: IMAGE, migrate },
        c: { image: IMAGE, migrate, database: "app" },
        d: { image: IMAGE, migrate, database: "app" },
        e: { image: IMAGE, database: "constructor" },
      }),
    ).toEqual({
      "gardenos:services.a.database": "a database of postgres.databases: app",
      "gardenos:services.b.database": "a database to migrate",
      "gardenos:services.e.database": "a database of postgres.databases: app",
      "gardenos:services.d.migrate": "one service that migrates app: c does",
    });
  });

  it("have hosts under a domain, each its own", () => {
    expect(found({ api: { image: IMAGE, host: "api" } })).toEqual({
      "gardenos:domain": "the domain of api (host api)",
    });
    const two = { api: { image: IMAGE, host: "api" }, web: { image: IMAGE, host: "api" } };
    expect(found(two, { domain: "example.org" })).toEqual({
      "gardenos:services.web.host": "a name of its own: api has this one",
    });
  });

  it("have hosts that are names below the domain, and not too long with it", () => {
    const want = "a name such as api: gardenos:domain is put behind it, so write api, not api.example.org";
    const domain = Array(4).fill("d".repeat(62)).join(".");
    expect(found({ api: { image: IMAGE, host: "api.example.org" } }, { domain: "example.org" })).toEqual({
      "gardenos:services.api.host": want,
    });
    expect(found({ api: { image: IMAGE, host: "api" } }, { domain })).toEqual({
      "gardenos:services.api.host": "a name that has, with gardenos:domain, 253 characters at most, not 255",
    });
    expect(found({ api: { image: IMAGE, host: "a" } }, { domain })).toEqual({});
  });

  it("say once what is wrong with the domain", () => {
    const api = { image: IMAGE, host: "api" };
    const supabase = { profile: "core", storage: { endpoint: "https://s3.example.org", bucket: "files" } };
    const problems = (domain: unknown) =>
      problemsOf({ ...GOOD, services: { api }, supabase, domain }).map(({ field, want }) => [field, want]);
    const want = "a domain of two names or more, such as apps.example.org";
    for (const domain of [
      "null",
      "localhost",
      "192.0.2.1",
      "Example.org",
      "Example",
      `${"d".repeat(64)}.org`,
    ])
      expect([domain, problems(domain)]).toEqual([domain, [["gardenos:domain", want]]]);
    expect(problems(undefined)).toEqual([
      ["gardenos:domain", "the domain of api (host api), Supabase (host supabase)"],
    ]);
    expect(problems("example.org")).toEqual([]);
  });

  it("are served by an ingress, where they have a host", () => {
    const more = { domain: "example.org", ingress: { class: "none" } };
    expect(found({ api: { image: IMAGE, host: "api" }, jobs: { image: IMAGE } }, more)).toEqual({
      "gardenos:ingress.class": "traefik: nothing else would serve api (host api)",
    });
    expect(found({ jobs: { image: IMAGE } }, more)).toEqual({});
  });

  it("are started by words", () => {
    const want = "a list of words such as [uvicorn, app.main:app]";
    const one = `${want}: this is one word with spaces, so write each word as one of the list`;
    const command = (value: unknown) => found({ api: { image: IMAGE, command: value } });
    expect(command([])).toEqual({ "gardenos:services.api.command": want });
    expect(command("uvicorn app.main:app")).toEqual({ "gardenos:services.api.command": want });
    expect(command(["uvicorn app.main:app"])).toEqual({ "gardenos:services.api.command": one });
    expect(command(["uvicorn", " "])).toEqual({
      "gardenos:services.api.command[1]": "a word that is not blank",
    });
    expect(command(["sh", "-c", "exec uvicorn app.main:app"])).toEqual({});
    expect(found({ api: { image: IMAGE, database: "app", migrate: [] } })).toEqual({
      "gardenos:services.api.migrate": want,
    });
  });

  it("read a database, where they read only", () => {
    expect(found({ api: { image: IMAGE, access: "ro" } })).toEqual({
      "gardenos:services.api.database": "a database, which access is about",
    });
    expect(found({ api: { image: IMAGE, access: "rw" } })).toEqual({});
  });

  it("ask for CPU by a text or a number", () => {
    const wrong = { "gardenos:services.api.cpu": "a CPU request of 1m or more, such as 100m, 1 or 0.5" };
    const cpu = (value: unknown) => found({ api: { image: IMAGE, cpu: value } });
    for (const value of ["100m", "1m", "0.001", "2", 1, 0.5])
      expect([value, cpu(value)]).toEqual([value, {}]);
    for (const value of ["0m", "0", 0, "0.0001", "1.5m", -1, "1 ", true])
      expect([value, cpu(value)]).toEqual([value, wrong]);
    expect(settingsOf({ ...GOOD, services: { api: { image: IMAGE, cpu: 0.5 } } }).services["api"]?.cpu).toBe(
      "0.5",
    );
  });

  it.each(["ghcr.io/example/api", "registry.example:5000/api:V1_2", DIGEST, DIGEST.replace(":1.4.0", "")])(
    "run an image: %s",
    (image) => expect(found({ api: { image } })).toEqual({}),
  );

  it.each([
    "api:1",
    "ghcr.io/example/api:",
    "ghcr.io//api",
    "ghcr.io/api:1:2",
    "ghcr.io/Example/api",
    `${IMAGE}@sha256:0`,
  ])("run no image of the name %s", (image) =>
    expect(found({ api: { image } })).toEqual({
      "gardenos:services.api.image": "an image such as ghcr.io/example/api:1.4.0@sha256:…",
    }),
  );

  it("ask a model that has a name", () => {
    expect(found({}, { ai: { model: "" } })).toEqual({ "gardenos:ai.model": "a model's name" });
  });

  it("leave the platform's variables alone", () => {
    const env = { PORT: "1", DATABASE_HOST: "x", OPENAI_API_KEY: "x", AGENTS_A: "2", LOG_LEVEL: "info" };
    expect(Object.keys(found({ api: { image: IMAGE, env, agents: { a: 1 } } }))).toEqual(
      ["PORT", "DATABASE_HOST", "OPENAI_API_KEY", "AGENTS_A"].map(
        (name) => `gardenos:services.api.env.${name}`,
      ),
    );
  });

  it("show no variable's value, whatever is wrong with it", () => {
    const image = { image: IMAGE };
    const wrong = [{ PORT: "CANARY" }, { OPENAI_API_KEY: "CANARY" }, { KEY: ["CANARY"] }, "CANARY"];
    for (const env of wrong) {
      const problems = problemsOf({ ...GOOD, services: { api: { ...image, env } } });
      expect(problems.map(({ got }) => got)).toEqual(["a value that is not shown"]);
    }
  });

  it("count against the nodes' memory, autoscaled ones at their most", () => {
    const big = { image: IMAGE, memory: "2Gi", autoscale: { min: 1, max: 6 } };
    expect(found({ api: big })["gardenos:serverType"]).toContain("api 6 × 2048");
  });
});

describe("the provider's address", () => {
  const want =
    "an http or https address up to the version, such as https://api.deepinfra.com/v1/openai, without user, password, query and fragment";
  const problems = (baseUrl: string) =>
    problemsOf({ ...GOOD, ai: { baseUrl } }).map((p) => [p.field, p.got, p.want]);

  it.each([
    "https://user:CANARY@example.org/v1",
    "https://CANARY@example.org/v1",
    "https:user:CANARY@example.org",
    "https://example.org/v1?key=CANARY",
    "https://example.org/v1#CANARY",
  ])("holds no secret, and shows none: %s", (baseUrl) => {
    expect(problems(baseUrl)).toEqual([["gardenos:ai.baseUrl", "a value that is not shown", want]]);
  });

  it.each([" https://example.org", "https:example.org", "ftp://example.org", "https://", "example.org"])(
    "is an address: not '%s'",
    (baseUrl) => expect(problems(baseUrl)).toEqual([["gardenos:ai.baseUrl", baseUrl, want]]),
  );

  it("is https in prod, where a service has agents", () => {
    const ai = { baseUrl: "http://example.org/v1" };
    const more = { environment: "prod", ai };
    expect(found({ api: { image: DIGEST, agents: { a: 1 } } }, more)).toEqual({
      "gardenos:ai.baseUrl": "an https address in prod: the provider's key is sent to it",
    });
    expect(found({ api: { image: DIGEST } }, more)).toEqual({});
    expect(found({ api: { image: DIGEST, agents: { a: 1 } } }, { ai })).toEqual({});
  });
});

describe("the plan of a service", () => {
  it("has two pods, a full host name, and the provider when it has agents", () => {
    const services = planServices(
      settingsOf({
        ...GOOD,
        domain: "example.org",
        services: { api: { image: IMAGE, host: "api" }, agents: { image: IMAGE, agents: { a: 1 } } },
      }),
    );
    expect(services["api"]).toMatchObject({ pods: { replicas: 2 }, host: "api.example.org", ai: false });
    expect(services["agents"]).toMatchObject({ ai: true });
    expect(services["agents"]).not.toHaveProperty("host");
  });
});

describe("secrets", () => {
  it("has the provider's key where agents need it", () => {
    expect(checkAiApiKey(undefined, false)).toEqual([]);
    expect(checkAiApiKey(undefined, true)[0]).toMatchObject({
      want: "the AI provider's key: services have agents",
      fix: "pulumi config set --secret gardenos:aiApiKey <key>",
    });
    const [problem] = checkAiApiKey("CANARY key", true);
    expect(problem?.got).toBe("a value that is not shown");
  });

  it("has a user and a password for each registry, and shows neither", () => {
    expect(checkRegistries({ "ghcr.io": { username: "me", password: "x" } })).toEqual([]);
    const got = "a value that is not shown";
    const set = "pulumi config set --secret --path";
    const field = 'gardenos:registries["ghcr.io"]';
    expect(checkRegistries("CANARY")).toEqual([
      {
        field: "gardenos:registries",
        got,
        want: "a map of registries to username and password",
        fix: `${set} '${field}.username' <value>, and the same for password`,
      },
    ]);
    expect(checkRegistries({ "ghcr.io": "CANARY" })).toEqual([
      {
        field,
        got,
        want: "a map of username and password",
        fix: `${set} '${field}.username' <value>, and the same for password`,
      },
    ]);
    const wrong = {
      "ghcr.io": { username: "", token: "CANARY" },
      "quay.io": { username: "me", password: "x" },
    };
    expect(checkRegistries(wrong)).toEqual([
      {
        field: `${field}.username`,
        got,
        want: "the registry's username, a text",
        fix: `${set} '${field}.username' <value>`,
      },
      {
        field: `${field}.password`,
        got: undefined,
        want: "the registry's password, a text",
        fix: `${set} '${field}.password' <value>`,
      },
      {
        field: `${field}.token`,
        got,
        want: "username or password",
        fix: `pulumi config rm --path '${field}.token'`,
      },
    ]);
  });
});
