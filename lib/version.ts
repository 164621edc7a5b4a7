/** Plain `major.minor.patch` versions, and those of Kubernetes distributions. */

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

/** True for a Kubernetes version with or without K3s's own number: `v1.36.5+k3s1`, `v1.36.5`. */
export function isK3sVersion(text: string): boolean {
  return /^v\d+\.\d+\.\d+(\+k3s\d+)?$/.test(text);
}

/** The Kubernetes version of a K3s release: `1.36.5` for `v1.36.5+k3s1`. */
export function kubernetesVersion(k3s: string): string {
  return k3s.replace(/^v/, "").replace(/\+.*$/, "");
}
