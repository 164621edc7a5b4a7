import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  cidrRange,
  contains,
  containsCidr,
  fromNumber,
  isCidr,
  isIpv4,
  isPrivate,
  nthAddress,
  overlaps,
  prefixLength,
  toNumber,
} from "../../lib/cidr.ts";

const address = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const network = fc
  .tuple(address, fc.integer({ min: 0, max: 32 }))
  .map(([n, bits]) => `${fromNumber(n - (n % 2 ** (32 - bits)))}/${bits}`);

describe("addresses", () => {
  it("are the same after a round trip through a number", () => {
    fc.assert(fc.property(address, (n) => toNumber(fromNumber(n)) === n && isIpv4(fromNumber(n))));
  });

  it.each(["10.0.0", "10.0.0.256", "10.0.0.01", "", "a.b.c.d", "10.0.0.0.0", "10.0.0.-1"])(
    "refuses %j",
    (text) => {
      expect(isIpv4(text)).toBe(false);
    },
  );
});

describe("networks", () => {
  it("hold exactly the addresses of their range", () => {
    fc.assert(
      fc.property(network, address, (cidr, n) => {
        const { first, last } = cidrRange(cidr);
        return contains(cidr, fromNumber(n)) === (n >= first && n <= last);
      }),
    );
  });

  it("overlap if and only if one holds the other, as CIDR networks do", () => {
    fc.assert(
      fc.property(network, network, (a, b) => overlaps(a, b) === (containsCidr(a, b) || containsCidr(b, a))),
    );
  });

  it("overlap symmetrically", () => {
    fc.assert(fc.property(network, network, (a, b) => overlaps(a, b) === overlaps(b, a)));
  });

  it("are valid when made from an address and a prefix length, and not with host bits", () => {
    fc.assert(
      fc.property(network, (cidr) => {
        expect(isCidr(cidr)).toBe(true);
        if (prefixLength(cidr) < 32)
          expect(isCidr(`${nthAddress(cidr, 1)}/${prefixLength(cidr)}`)).toBe(false);
      }),
    );
  });

  it.each(["10.0.0.0", "10.0.0.0/33", "10.0.0.1/24", "10.0.0.0/08", "10.0.0.0/8/8", "::/0", "10.0.0.0/"])(
    "refuses %j",
    (text) => {
      expect(isCidr(text)).toBe(false);
    },
  );

  it.each([
    ["10.0.0.0/16", true],
    ["172.16.0.0/12", true],
    ["172.32.0.0/16", false],
    ["192.168.4.0/24", true],
    ["203.0.113.0/24", false],
    ["10.0.0.0/7", false],
  ])("%s is private: %s", (cidr, expected) => {
    expect(isPrivate(cidr)).toBe(expected);
  });
});
