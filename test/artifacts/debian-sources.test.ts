import { describe, expect, it } from "vitest";
import { type IndexTarget, machineSources } from "../../lab/artifacts/debian-sources.ts";

const target = (release: string, uri = "http://mirror.test/debian/", component = "main"): IndexTarget => ({
  uri,
  release,
  component,
});
const SIGNED = "[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]";

describe("machineSources", () => {
  it("takes the host's mirrors at the machines' release, security updates included", () => {
    const security = target("bookworm-security", "http://mirror.test/debian-security/");
    expect(machineSources([target("bookworm"), target("bookworm-updates"), security])).toEqual([
      `deb ${SIGNED} http://mirror.test/debian/ trixie main`,
      `deb ${SIGNED} http://mirror.test/debian/ trixie-updates main`,
      `deb ${SIGNED} http://mirror.test/debian-security/ trixie-security main`,
    ]);
  });

  it("leaves out backports, other components and other vendors' releases", () => {
    const host = [
      target("stable"),
      target("trixie-backports"),
      target("stable", "http://mirror.test/debian/", "non-free-firmware"),
      target("nodistro", "https://vendor.test/"),
    ];
    expect(machineSources(host)).toEqual([`deb ${SIGNED} http://mirror.test/debian/ trixie main`]);
  });

  it("says what to do on a host without a Debian mirror", () => {
    expect(() => machineSources([target("noble", "http://mirror.test/ubuntu/")])).toThrow(
      "this machine's apt names no Debian mirror, which the lab's machines are made from; " +
        "add one to /etc/apt/sources.list.d and run `apt-get update`",
    );
  });
});
