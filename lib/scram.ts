import { createHash, createHmac, pbkdf2Sync } from "node:crypto";

/** Postgres's own number of rounds (`scram_iterations`). */
const ITERATIONS = 4096;

const hmac = (key: Uint8Array, text: string) => createHmac("sha256", key).update(text).digest();

/**
 * What Postgres stores instead of a password: `SCRAM-SHA-256$4096:salt$StoredKey:ServerKey` (RFC 5803, RFC 7677). Sent
 * in its place, the password itself never reaches the server, its logs or its statistics. The same input gives the same
 * text, so nothing changes from run to run.
 * @param password printable ASCII: for that, SCRAM's normalisation of Unicode changes nothing
 * @param salt base64; 16 bytes are Postgres's own length
 * @throws when the password has other characters, or the salt is empty or no base64
 */
export function scramVerifier(password: string, salt: string): string {
  if (!/^[\x20-\x7e]+$/.test(password)) throw new Error("a password for SCRAM must be printable ASCII");
  const bytes = Buffer.from(salt, "base64");
  if (bytes.length === 0 || bytes.toString("base64") !== salt)
    throw new Error("a salt for SCRAM must be base64");
  const salted = pbkdf2Sync(password, bytes, ITERATIONS, 32, "sha256");
  const stored = createHash("sha256").update(hmac(salted, "Client Key")).digest("base64");
  return `SCRAM-SHA-256$${ITERATIONS}:${salt}$${stored}:${hmac(salted, "Server Key").toString("base64")}`;
}
