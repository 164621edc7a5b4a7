/** IPv4 arithmetic on plain strings. All functions expect valid input: check with `isIpv4` or `isCidr` first. */

/** True for dotted decimal such as `10.0.1.11`, without leading zeros. */
export function isIpv4(text: string): boolean {
  const parts = text.split(".");
  return parts.length === 4 && parts.every((p) => /^(0|[1-9]\d{0,2})$/.test(p) && Number(p) <= 255);
}

/** True for a network whose host bits are zero, such as `10.0.1.0/24`. */
export function isCidr(text: string): boolean {
  const [ip = "", bits = "", ...rest] = text.split("/");
  if (rest.length > 0 || !isIpv4(ip) || !/^(0|[1-9]\d?)$/.test(bits) || Number(bits) > 32) return false;
  return toNumber(ip) % 2 ** (32 - Number(bits)) === 0;
}

/** The address as an unsigned 32-bit number. */
export function toNumber(ip: string): number {
  return ip.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
}

/** The inverse of {@link toNumber}. */
export function fromNumber(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join(".");
}

/** First and last address of a network, both included. */
export function cidrRange(cidr: string): { readonly first: number; readonly last: number } {
  const [ip = "", bits = "32"] = cidr.split("/");
  const first = toNumber(ip);
  return { first, last: first + 2 ** (32 - Number(bits)) - 1 };
}

/** Prefix length of a network: 24 for `10.0.1.0/24`. */
export function prefixLength(cidr: string): number {
  return Number(cidr.split("/")[1]);
}

/** True when the network holds the address. */
export function contains(cidr: string, ip: string): boolean {
  const { first, last } = cidrRange(cidr);
  const n = toNumber(ip);
  return n >= first && n <= last;
}

/** True when every address of `inner` is in `outer`. */
export function containsCidr(outer: string, inner: string): boolean {
  const [o, i] = [cidrRange(outer), cidrRange(inner)];
  return i.first >= o.first && i.last <= o.last;
}

/** True when the two networks share an address. */
export function overlaps(a: string, b: string): boolean {
  const [x, y] = [cidrRange(a), cidrRange(b)];
  return x.first <= y.last && y.first <= x.last;
}

/** The n-th address of a network, counted from its network address (0). */
export function nthAddress(cidr: string, n: number): string {
  return fromNumber(cidrRange(cidr).first + n);
}

/** True when the network lies in one of RFC 1918's private ranges. */
export function isPrivate(cidr: string): boolean {
  return ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"].some((range) => containsCidr(range, cidr));
}
