/** Plain `major.minor.patch` versions. */

/** True for three dot-separated numbers. */
export function isVersion(text: string): boolean {
  return /^\d+\.\d+\.\d+$/.test(text);
}

/** Negative, zero or positive, as a sort function wants it. Expects valid versions. */
export function compareVersions(a: string, b: string): number {
  const [x, y] = [a.split(".").map(Number), b.split(".").map(Number)];
  return x.map((part, i) => part - (y[i] ?? 0)).find((difference) => difference !== 0) ?? 0;
}

/** `3.6` for `3.6.16`. */
export function minorOf(version: string): string {
  return version.split(".").slice(0, 2).join(".");
}
