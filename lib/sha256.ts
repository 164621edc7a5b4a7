import { createHash } from "node:crypto";

/** SHA-256 of a text (UTF-8) or of bytes, in lower-case hex. */
export function sha256(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

/** The first twelve digits: enough to tell one content from the next, and short in a name, an annotation or a diff. */
export const shortHash = (content: string): string => sha256(content).slice(0, 12);
