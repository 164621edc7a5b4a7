/** Encrypts secrets for the state file: AES-256-GCM, key from a passphrase by scrypt. */
import { createCipheriv, createDecipheriv, randomBytes, scryptSync } from "node:crypto";

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Thrown when a ciphertext does not open: another passphrase, or a damaged file. */
export class WrongKeyError extends Error {}

/** One key; texts in, base64 of nonce, tag and ciphertext out. */
export class Vault {
  readonly salt: string;
  readonly #key: Buffer;

  /** @param salt Base64. @default 16 random bytes */
  constructor(passphrase: string, salt: string = randomBytes(16).toString("base64")) {
    this.salt = salt;
    this.#key = scryptSync(passphrase, Buffer.from(salt, "base64"), 32);
  }

  encrypt(text: string): string {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv("aes-256-gcm", this.#key, nonce);
    const body = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
    return Buffer.concat([nonce, cipher.getAuthTag(), body]).toString("base64");
  }

  /** @throws WrongKeyError */
  decrypt(ciphertext: string): string {
    const bytes = Buffer.from(ciphertext, "base64");
    try {
      const decipher = createDecipheriv("aes-256-gcm", this.#key, bytes.subarray(0, NONCE_BYTES), {
        authTagLength: TAG_BYTES,
      });
      decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
      return `${decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES), undefined, "utf8")}${decipher.final("utf8")}`;
    } catch {
      throw new WrongKeyError("the key does not open this ciphertext");
    }
  }
}
