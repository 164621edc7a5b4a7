/** What files/host/apply.sh does to a machine when all goes well. */
import { gzipSync } from "node:zlib";
import { createTar } from "nanotar";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Bundle } from "../../components/host/bundle.ts";
import { sha256 } from "../../lib/sha256.ts";
import { bootHost, done, type Host, service, serviceBundle } from "./support/host.ts";

let host: Host;

beforeAll(async () => {
  host = await bootHost();
});
afterAll(() => host.dispose());

describe("files", () => {
  const bundle: Bundle = {
    name: "files",
    users: [{ name: "demo", home: "/var/lib/demo" }],
    directories: [{ path: "/var/lib/demo", mode: "0750", owner: "demo:demo" }],
    files: [
      { path: "/etc/files/open", content: "for all\n" },
      { path: "/etc/files/secret", content: "for one\n", mode: "0600", owner: "demo:demo" },
    ],
  };
  const facts = () => host.run("stat -c '%n %a %U:%G %Y' /etc/files/* /var/lib/demo");

  it("are written with mode and owner, and left alone the second time", async () => {
    expect(await host.apply(bundle)).toEqual(done("files: 2 files changed\n"));
    const before = await facts();
    expect(before.replaceAll(/ \d{9,}$/gm, "").split("\n")).toEqual([
      "/etc/files/open 644 root:root",
      "/etc/files/secret 600 demo:demo",
      "/var/lib/demo 750 demo:demo",
      "",
    ]);
    expect(await host.run("stat -c %a /etc/files")).toBe("755\n");
    expect(await host.apply(bundle)).toEqual(done("files: 0 files changed\n"));
    expect(await facts()).toBe(before);
  });

  it("get back content, mode and owner that somebody changed by hand", async () => {
    await host.run("chmod 0666 /etc/files/secret; chown root /etc/files/secret; echo mine >/etc/files/open");
    expect(await host.apply(bundle)).toEqual(done("files: 2 files changed\n"));
    expect(await host.run("stat -c '%a %U:%G' /etc/files/secret; cat /etc/files/open")).toBe(
      "600 demo:demo\nfor all\n",
    );
  });

  it("go when the bundle no longer has them, and only then", async () => {
    const less = { ...bundle, files: bundle.files.slice(0, 1) };
    expect(await host.apply({ ...less, name: "other" })).toEqual(done("other: 0 files changed\n"));
    expect(await host.apply(less)).toEqual(done("files: 1 files changed\n"));
    expect(await host.run("ls /etc/files")).toBe("open\n");
  });

  it("that are seeds are written once, and made again only when they are gone", async () => {
    const seeds: Bundle = { name: "seeds", files: [{ path: "/etc/seed", content: "first\n", seed: true }] };
    expect(await host.apply(seeds)).toEqual(done("seeds: 1 files changed\n"));
    await host.run("echo grown >/etc/seed");
    expect(await host.apply(seeds)).toEqual(done("seeds: 0 files changed\n"));
    expect(await host.run("cat /etc/seed")).toBe("grown\n");
    await host.run("rm /etc/seed");
    expect(await host.apply(seeds)).toEqual(done("seeds: 1 files changed\n"));
    expect(await host.run("cat /etc/seed")).toBe("first\n");
  });

  it("leave nothing of the payload on the machine", async () => {
    expect(await host.run("find /run /etc /var/lib/gardenos -name '*gardenos.*' -o -name '*.gardenos'")).toBe(
      "",
    );
  });
});

describe("units", () => {
  it("are enabled and started, and restarted for their own files only", async () => {
    const bundle = (conf: string, other: string): Bundle => ({
      name: "web",
      files: [
        { path: "/etc/web/conf", content: conf },
        { path: "/etc/other", content: other },
        service("web"),
      ],
      units: [{ name: "web.service", action: "restart", watches: ["/etc/web"] }],
    });
    expect(await host.apply(bundle("1", "x"))).toEqual(
      done("web: 3 files changed, units handled: web.service\n"),
    );
    expect(await host.apply(bundle("1", "y"))).toEqual(done("web: 1 files changed\n"));
    expect(await host.apply(bundle("2", "y"))).toEqual(
      done("web: 1 files changed, units handled: web.service\n"),
    );
    expect(await host.run("cat /run/web.log; systemctl is-enabled web")).toBe("start 1\nstart 2\nenabled\n");
  });

  it("are reloaded where that is enough, and started when they are down", async () => {
    const bundle = (conf: string): Bundle => ({
      ...serviceBundle("soft", conf),
      units: [{ name: "soft.service", action: "reload" }],
    });
    await host.apply(bundle("1"));
    await host.apply(bundle("2"));
    await host.run("systemctl stop soft");
    expect(await host.apply(bundle("2"))).toEqual(
      done("soft: 0 files changed, units handled: soft.service\n"),
    );
    expect(await host.run("cat /run/soft.log")).toBe("start 1\nreload 2\nstart 2\n");
  });

  it("are restarted for some files and reloaded for others, and never both", async () => {
    const bundle = (conf: string, other: string): Bundle => ({
      ...serviceBundle("twice", conf),
      files: [...serviceBundle("twice", conf).files, { path: "/etc/twice-unit", content: other }],
      units: [
        { name: "twice.service", action: "restart", watches: ["/etc/twice-unit"] },
        { name: "twice.service", action: "reload", watches: ["/etc/twice"] },
      ],
    });
    await host.apply(bundle("1", "x"));
    expect(await host.apply(bundle("2", "x"))).toEqual(
      done("twice: 1 files changed, units handled: twice.service\n"),
    );
    await host.apply(bundle("3", "y"));
    expect(await host.run("cat /run/twice.log")).toBe("start 1\nreload 2\nstart 3\n");
  });

  it("are only enabled where no action is wanted", async () => {
    const units = [{ name: "later.service", action: "none" }] as const;
    await host.apply({ ...serviceBundle("later", "1"), units });
    expect(await host.run("systemctl is-enabled later; systemctl is-active later || true")).toBe(
      "enabled\ninactive\n",
    );
  });

  it("have the time they need to become healthy", async () => {
    const health = '#!/bin/sh\necho x >>/run/tries\ntest "$(wc -l </run/tries)" -ge 3\n';
    const bundle: Bundle = { ...serviceBundle("slow", "1"), hooks: { health } };
    expect(await host.apply(bundle)).toMatchObject({ status: 0 });
    expect(await host.run("wc -l </run/tries")).toBe("3\n");
  });
});

describe("hooks", () => {
  it("see the new files before they are in place; the gate is asked only when something changes", async () => {
    const note = (hook: string) =>
      `#!/bin/sh\necho "${hook} $(cat $STAGED/etc/hooked) $(cat /etc/hooked 2>&1)" >>/run/hooks\n`;
    const bundle = (content: string): Bundle => ({
      name: "hooked",
      files: [{ path: "/etc/hooked", content }],
      hooks: { validate: note("validate"), gate: note("gate") },
    });
    await host.apply(bundle("one"));
    await host.apply(bundle("one"));
    await host.apply(bundle("two"));
    expect(await host.run("cat /run/hooks")).toBe(
      [
        "validate one cat: /etc/hooked: No such file or directory",
        "gate one cat: /etc/hooked: No such file or directory",
        "validate one one",
        "validate two one",
        "gate two one",
        "",
      ].join("\n"),
    );
  });
});

describe("artifacts", () => {
  const tarball = (text: string) =>
    gzipSync(createTar([{ name: "tool-1.0/bin/tool", data: text, attrs: { mode: "755" } }]));
  const bundle = (data: Uint8Array): Bundle => ({
    name: "tool",
    files: [],
    artifacts: [
      { name: "tool", url: host.serve("tool.tgz", data), sha256: sha256(data), directory: "/opt/tool-1.0" },
    ],
  });

  it("are fetched, checked and unpacked once", async () => {
    const first = bundle(tarball("#!/bin/sh\necho one\n"));
    expect(await host.apply(first)).toEqual(done("tool: fetching tool\ntool: 0 files changed\n"));
    expect(await host.run("/opt/tool-1.0/bin/tool; ls -A /opt")).toBe("one\ntool-1.0\n");
    expect(await host.apply(first)).toEqual(done("tool: 0 files changed\n"));
  });

  it("are replaced whole when they are others", async () => {
    await host.run("touch /opt/tool-1.0/old");
    expect(await host.apply(bundle(tarball("#!/bin/sh\necho two\n")))).toMatchObject({ status: 0 });
    expect(await host.run("/opt/tool-1.0/bin/tool; ls /opt/tool-1.0")).toBe("two\nbin\n");
  });
});

it("waits for another apply on the same machine", async () => {
  const bundle = (name: string): Bundle => ({
    name,
    files: [],
    hooks: { health: `#!/bin/sh\necho begin >>/run/turns\nsleep 1\necho end >>/run/turns\n` },
  });
  const answers = await Promise.all(["left", "right"].map((name) => host.apply(bundle(name))));
  expect(answers).toEqual([done("left: 0 files changed\n"), done("right: 0 files changed\n")]);
  expect(await host.run("cat /run/turns")).toBe("begin\nend\nbegin\nend\n");
});
