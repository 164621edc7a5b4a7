import { parseTar } from "nanotar";
import { describe, expect, it } from "vitest";
import { type Bundle, renderPayload, renderScript } from "../../components/host/bundle.ts";

const BUNDLE: Bundle = {
  name: "example",
  files: [
    { path: "/etc/a", content: "one" },
    { path: "/etc/b", content: "two", mode: "0600", owner: "etcd:etcd", seed: true },
  ],
  packages: ["jq"],
  users: [{ name: "etcd", home: "/var/lib/etcd" }],
  directories: [{ path: "/var/lib/x", mode: "0700", owner: "etcd:etcd" }],
  artifacts: [
    { name: "etcd", url: "https://example.org/e.tar.gz", sha256: "c".repeat(64), directory: "/opt/e" },
    {
      name: "k3s",
      url: "https://example.org/k",
      sha256: "d".repeat(64),
      directory: "/opt/k",
      fileName: "k3s",
    },
  ],
  units: [
    { name: "a.service", action: "restart" },
    { name: "b.service", action: "reload", watches: ["/etc/b", "/etc/c"] },
  ],
  hooks: { health: "#!/bin/sh\ntrue\n", healthTimeout: 5 },
};

const entries = (bundle: Bundle) =>
  Object.fromEntries(
    parseTar(Buffer.from(renderPayload(bundle), "base64")).map((entry) => [entry.name, entry]),
  );

describe("the payload", () => {
  it("holds the tables that apply reads, the contents and the hooks", () => {
    const tar = entries(BUNDLE);
    const text = (name: string) => tar[name]?.text;
    expect(text("name")).toBe("example");
    expect(text("packages")).toBe("jq\n");
    expect(text("users")).toBe("etcd /var/lib/etcd\n");
    expect(text("directories")).toBe("/var/lib/x 0700 etcd:etcd\n");
    expect(text("artifacts")).toBe(
      `etcd https://example.org/e.tar.gz ${"c".repeat(64)} /opt/e -\nk3s https://example.org/k ${"d".repeat(64)} /opt/k k3s\n`,
    );
    expect(text("files.tsv")?.replace(/\t[0-9a-f]{64}\t/g, "\tSHA\t")).toBe(
      "/etc/a\t0644\troot:root\tno\tSHA\t0\n/etc/b\t0600\tetcd:etcd\tyes\tSHA\t1\n",
    );
    expect(text("units.tsv")).toBe("a.service\trestart\t\nb.service\treload\t/etc/b /etc/c\n");
    expect([text("content/0"), text("content/1")]).toEqual(["one", "two"]);
    expect(text("health-timeout")).toBe("5");
    expect(tar["hooks/health"]?.attrs?.mode).toMatch(/700/);
    expect(tar).not.toHaveProperty("hooks/gate");
    expect(text("apply")).toMatch(/^#!\/usr\/bin\/env bash\n/);
  });

  it("is readable by root only, and the same bytes every time", () => {
    for (const entry of Object.values(entries(BUNDLE))) expect(entry.attrs?.mode).toMatch(/[67]00 ?$/);
    expect(renderPayload(BUNDLE)).toBe(renderPayload(BUNDLE));
  });

  it("waits a minute for health unless told otherwise, and does with files alone", () => {
    const tar = entries({ name: "bare", files: [] });
    expect(tar["health-timeout"]?.text).toBe("60");
    expect([tar["packages"]?.text ?? "", tar["units.tsv"]?.text ?? ""]).toEqual(["", ""]);
  });

  it.each([
    [{ path: "/etc/with space", content: "" }, "/etc/with space"],
    [{ path: "", content: "" }, ""],
  ])("refuses a path that would break its tables: %j", (file, shown) => {
    expect(() => renderPayload({ name: "bad", files: [file] })).toThrow(
      `white space or nothing in a bundle's field: "${shown}"`,
    );
  });
});

describe("the script", () => {
  const header = (bundle: Bundle) => renderScript(bundle, "4711").split("\n\n")[0]?.split("\n");

  it("names server, packages, artifacts, files and hooks with their checksums", () => {
    expect(header(BUNDLE)).toEqual([
      "# bundle example",
      "# server 4711",
      "# package jq",
      "# artifact etcd cccccccccccc",
      "# artifact k3s dddddddddddd",
      "# /etc/a 7692c3ad3540",
      "# /etc/b 3fc4ccfe7458",
      expect.stringMatching(/^# hook health [0-9a-f]{12}$/),
    ]);
  });

  it("changes in exactly the line of a file that changes", () => {
    const [first, ...rest] = BUNDLE.files;
    const after = header({ ...BUNDLE, files: [{ path: "/etc/a", content: "ONE" }, ...rest] });
    const different = header(BUNDLE)?.filter((line, i) => line !== after?.[i]);
    expect(different).toEqual([`# ${first?.path} 7692c3ad3540`]);
  });
});
