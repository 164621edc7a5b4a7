/** What files/host/apply.sh says and leaves when something is wrong, and how the next run gets out of it. */
import { parseTar } from "nanotar";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Bundle, renderPayload } from "../../components/host/bundle.ts";
import { sha256 } from "../../lib/sha256.ts";
import type { Answer } from "../machines/support/lab.ts";
import { bootHost, done, HOSTNAME, type Host, refuse, serviceBundle } from "./support/host.ts";

let host: Host;

beforeAll(async () => {
  host = await bootHost();
});
afterAll(() => host.dispose());

const failed = (bundle: string, { said = "", because }: { said?: string; because: string }): Answer => ({
  status: 1,
  stdout: expect.any(String),
  stderr: `${said}${bundle} on ${HOSTNAME}: ${because}\n`,
});

describe("a refusal changes nothing", () => {
  const file = (name: string, content: string) => ({ path: `/etc/${name}`, content });

  it("when the new files do not pass their check", async () => {
    await host.apply({ name: "checked", files: [file("checked", "good")] });
    const hooks = { validate: refuse("line 3: no such word") };
    expect(await host.apply({ name: "checked", files: [file("checked", "bad")], hooks })).toEqual(
      failed("checked", {
        said: "line 3: no such word\n",
        because: "the new files do not pass their check (see above). No file was changed.",
      }),
    );
    expect(await host.run("cat /etc/checked")).toBe("good");
  });

  it("when the gate is closed", async () => {
    await host.apply(serviceBundle("gated", "1"));
    const hooks = { gate: refuse("quorum would be lost") };
    expect(await host.apply({ ...serviceBundle("gated", "2"), hooks })).toEqual(
      failed("gated", {
        said: "quorum would be lost\n",
        because: "not safe to go on now (see above). No file was changed.",
      }),
    );
    expect(await host.run("cat /etc/gated/conf /run/gated.log")).toBe("1start 1\n");
  });

  it("when a package is not in the source", async () => {
    const bundle: Bundle = { name: "wanting", packages: ["no-such-thing"], files: [file("wanting", "x")] };
    expect(await host.apply(bundle)).toEqual(
      failed("wanting", {
        said: "E: Unable to locate package no-such-thing\n",
        because: "apt could not install no-such-thing. No file was changed.",
      }),
    );
    expect(await host.run("ls /etc/wanting 2>&1 || true")).toContain("No such file");
  });

  it("when an artifact has another checksum, or is not there", async () => {
    const directory = "/opt/tool";
    const data = Buffer.from("not what was ordered");
    const url = host.serve("tool.tgz", data);
    await host.run(`mkdir -p ${directory} && echo old >${directory}/tool`);
    const bundle = (from: string): Bundle => ({
      name: "tool",
      files: [],
      artifacts: [{ name: "tool", url: from, sha256: sha256("another"), directory }],
    });
    expect(await host.apply(bundle(url))).toEqual(
      failed("tool", {
        because:
          `artifact tool from ${url}: sha256 is ${sha256(data)}, want ${sha256("another")}. ` +
          "It was thrown away; no file was changed.",
      }),
    );
    expect(await host.apply(bundle(`${url}.gone`))).toEqual(
      failed("tool", {
        said: "curl: (22) The requested URL returned error: 404\n",
        because: `artifact tool: can't download ${url}.gone. No file was changed.`,
      }),
    );
    expect(await host.run(`ls /opt; cat ${directory}/tool`)).toBe("tool\nold\n");
  });

  it("when the payload was damaged or cut off on the way", async () => {
    const bundle: Bundle = {
      name: "cargo",
      files: [file("cargo", "goods")],
      hooks: { gate: refuse("closed") },
    };
    const tar = Buffer.from(renderPayload(bundle), "base64");
    const damaged = Buffer.from(tar.toString("latin1").replace("goods", "gOods"), "latin1");
    expect(await host.apply(bundle, damaged.toString("base64"))).toEqual(
      failed("cargo", {
        because: "the payload is damaged: /etc/cargo does not have its checksum. No file was changed.",
      }),
    );
    // A cut between two entries is the worst one: for tar nothing is missing.
    const last = parseTar(tar).at(-1);
    expect(last?.name).toBe("complete");
    const cut = tar.subarray(0, tar.indexOf("complete\0"));
    expect(await host.apply(bundle, cut.toString("base64"))).toEqual(
      failed("cargo", { because: "the payload arrived in part. No file was changed; run again." }),
    );
    expect(await host.run("ls /etc/cargo 2>&1 || true")).toContain("No such file");
  });

  it("when another apply keeps the machine for too long", async () => {
    // The same flock, with less patience.
    const short = '#!/bin/sh\n[ "$1" = -w ] && shift 2\nexec /usr/bin/flock -w 1 "$@"\n';
    await host.run(`printf '%s' '${short}' >/usr/local/bin/flock && chmod 0755 /usr/local/bin/flock`);
    await host.run(
      "nohup /usr/bin/flock -o /run/lock/gardenos-apply.lock sleep 20 >/dev/null 2>&1 </dev/null & sleep 0.2",
    );
    expect(await host.apply({ name: "late", files: [file("late", "x")] })).toEqual(
      failed("late", {
        because: "another apply has held the lock for five minutes. No file was changed.",
      }),
    );
    await host.run("rm /usr/local/bin/flock; kill $(pgrep -f '[f]lock -o /run/lock')");
    expect(await host.run("ls /etc/late 2>&1 || true")).toContain("No such file");
  });
});

describe("after the swap, a failure brings the earlier files back", () => {
  const because = "not healthy with the new files (see above). The earlier ones are back.";

  it("and restarts the unit with them, when health does not come", async () => {
    const bundle = (conf: string): Bundle => ({
      ...serviceBundle("ill", conf),
      hooks: {
        health: "#!/bin/sh\ngrep -q good /etc/ill/conf || { echo 'no good' >&2; exit 1; }\n",
        healthTimeout: 1,
      },
    });
    await host.apply(bundle("good 1"));
    expect(await host.apply(bundle("bad"))).toEqual(failed("ill", { said: "no good\n", because }));
    expect(await host.run("cat /etc/ill/conf; cat /run/ill.log; systemctl is-active ill")).toBe(
      "good 1start good 1\nstart bad\nstart good 1\nactive\n",
    );
    expect(await host.apply(bundle("good 2"))).toMatchObject({ status: 0 });
  });

  it("when the unit does not start", async () => {
    await host.apply(serviceBundle("lame", "1"));
    const said =
      "Job for lame.service failed because the control process exited with error code.\n" +
      'See "systemctl status lame.service" and "journalctl -xeu lame.service" for details.\n';
    expect(await host.apply(serviceBundle("lame", ""))).toEqual(failed("lame", { said, because }));
    expect(await host.run("cat /etc/lame/conf; systemctl is-active lame")).toBe("1active\n");
  });

  it("which for a first run means that there are none", async () => {
    const hooks = { health: refuse("never"), healthTimeout: 1 };
    const bundle = { ...serviceBundle("born", "1"), hooks };
    expect(await host.apply(bundle)).toEqual(failed("born", { said: "never\n", because }));
    expect(
      await host.run(
        "ls -d /etc/born/* /etc/systemd/system/born* 2>/dev/null; systemctl is-active born || true",
      ),
    ).toBe("inactive\n");
  });

  it("and a machine that is ill without any change is told apart", async () => {
    const hooks = { health: refuse("ill before"), healthTimeout: 1 };
    await host.apply(serviceBundle("worn", "1"));
    expect(await host.apply({ ...serviceBundle("worn", "1"), hooks })).toEqual(
      failed("worn", {
        said: "ill before\n",
        because: "not healthy, though no file changed: look at the units' journal on the node.",
      }),
    );
  });
});

describe("a full disk", () => {
  const small = (a: string, b: string): Bundle => ({
    name: "small",
    files: [
      { path: "/etc/small/a", content: a },
      { path: "/etc/small/b", content: b },
    ],
  });
  const because = "the files could not be written (see above). The earlier ones are in place.";

  it("leaves all files as they were, whether the first or the last one does not fit", async () => {
    await host.run("mkdir /etc/small && mount -t tmpfs -o size=64k tmpfs /etc/small");
    await host.apply(small("old a", "old b"));
    const last = await host.apply(small("new a", "b".repeat(70_000)));
    expect(last).toEqual(
      failed("small", {
        said: "cp: error writing '/etc/small/.b.gardenos': No space left on device\n",
        because,
      }),
    );
    await host.run("head -c 1M /dev/zero >/etc/small/filler 2>/dev/null || true");
    const first = await host.apply(small("new a", "new b"));
    expect(first).toEqual(
      failed("small", {
        said: "cp: error writing '/etc/small/.a.gardenos': No space left on device\n",
        because,
      }),
    );
    expect(await host.run("cd /etc/small; cat a b; ls -A")).toBe("old aold ba\nb\nfiller\n");
  });

  it("does no harm to the next run", async () => {
    await host.run("rm /etc/small/filler");
    expect(await host.apply(small("new a", "new b"))).toEqual(done("small: 2 files changed\n"));
    await host.run("umount /etc/small");
  });
});
