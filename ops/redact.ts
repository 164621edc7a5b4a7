/** Takes secrets out of text that leaves the stack. Pure. */
import type { StackExports } from "../exports.ts";
import { readKubeconfig } from "./kubeconfig.ts";

const REMOVED = "[removed]";

/** Shorter ones would take half of the text with them. */
const MINIMUM = 8;

/** Secrets that the program does not export are known by their looks. */
const LOOKS = [
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?-----END [A-Z ]*PRIVATE KEY-----/g,
  /SCRAM-SHA-256\$[^\s"']+/g,
  /\beyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]+/g,
  /(?<=(?:password|passwd|token|secret)["']?[=:]\s?["']?)[^\s"',;&]{8,}/gi,
] as const;

/** Every secret value that the stack exports, and the forms that it has in files. */
export function secretsOf({ kubernetes, haproxy, postgres }: StackExports): readonly string[] {
  const key = kubernetes ? readKubeconfig(kubernetes.kubeconfig).key : "";
  const passwords = Object.values(postgres?.databases ?? {}).flatMap((logins) =>
    Object.values(logins).map(({ password }) => password),
  );
  const plain = [key, key.trim(), haproxy?.statsPassword ?? "", ...passwords].filter(isLong);
  // A line of a key is enough of it.
  const lines = key.split("\n").filter((line) => line.length > 40 && !line.startsWith("-----"));
  return [...new Set([...plain, ...lines].flatMap(formsOf).filter(isLong))].sort(
    (a, b) => b.length - a.length,
  );
}

const isLong = (text: string): boolean => text.length >= MINIMUM;

/** As it is, in JSON, in a URL, in base64. */
const formsOf = (secret: string): readonly string[] => [
  secret,
  JSON.stringify(secret).slice(1, -1),
  encodeURIComponent(secret),
  Buffer.from(secret).toString("base64"),
];

/** @param secrets the longest first */
export function redact(text: string, secrets: readonly string[]): string {
  const known = secrets.reduce((rest, secret) => rest.replaceAll(secret, REMOVED), text);
  return LOOKS.reduce((rest, look) => rest.replaceAll(look, REMOVED), known);
}

/** Letters and digits alone: what was cut by a line's end or a prefix is found, too. */
const essence = (text: string): string => text.replaceAll(/[^A-Za-z0-9]/g, "");

/** True when a secret is still there, however it was broken into lines. */
export function leaksIn(text: string, secrets: readonly string[]): boolean {
  const rest = essence(text);
  return secrets.some((secret) => {
    const wanted = essence(secret);
    return wanted.length >= MINIMUM && rest.includes(wanted);
  });
}
