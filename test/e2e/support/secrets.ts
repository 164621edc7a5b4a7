/** All secrets of a stack, and the shapes in which one could leak. */
import { createPrivateKey } from "node:crypto";
import type { ResourceRecord } from "../../../lab/engine/state.ts";
import { isObject, isSecret } from "../../../lab/engine/wire.ts";

export interface Secret {
  /** Where it comes from. Never the value. */
  readonly name: string;
  /** Texts without white space; any of them in a text gives the secret away. */
  readonly needles: readonly string[];
}

/** Properties inside secret values that everybody may know. */
const PUBLIC = ["host", "user", "hostKey", "dialErrorLimit"];
const KEY_BLOCK = /-----BEGIN ([A-Z ]*)PRIVATE KEY-----[\s\S]+?-----END \1PRIVATE KEY-----/g;
/** Shorter pieces would turn up by chance. */
const ENOUGH = 16;

/** Base64 of the bytes as it shows inside the base64 of something longer: there are three alignments. */
function base64Pieces(bytes: Uint8Array): readonly string[] {
  return [0, 1, 2].map((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), bytes]).toString("base64url");
    // The first and the last characters hold bits of the neighbours.
    const inner = text.slice(shift === 0 ? 0 : shift + 1, Math.floor(((shift + bytes.length) * 8) / 6));
    return inner.replaceAll("-", "+").replaceAll("_", "/");
  });
}

/** A secret that is one line of text. */
export function textSecret(name: string, text: string): Secret {
  return { name, needles: [text, ...base64Pieces(Buffer.from(text))] };
}

/** A private key, PEM or OpenSSH's format: its secret number, and the lines of the file that hold it. */
export function keySecret(name: string, block: string): Secret {
  const number = block.includes("OPENSSH") ? opensshNumber(block) : pemNumber(block);
  const pieces = base64Pieces(number);
  const lines = block.split(/\n|\\n/).map((line) => line.trim());
  const body = lines.slice(1, -1);
  const joined = body.join("");
  const found = pieces.find((piece) => joined.includes(piece));
  if (found === undefined) throw new Error(`${name}: the key's number is not in its own text`);
  return { name, needles: [...pieces, number.toString("hex"), ...filePieces(body, found)] };
}

/** The file may be wrapped in base64 once more, line breaks included: the longest piece of one line, again. */
function filePieces(body: readonly string[], piece: string): readonly string[] {
  const begin = body.join("").indexOf(piece);
  const width = body[0]?.length ?? 0;
  const border = Math.ceil(begin / width) * width - begin;
  const parts = [piece.slice(0, border), piece.slice(border)];
  const longest = parts.sort((a, b) => b.length - a.length)[0] ?? "";
  if (longest.length < ENOUGH) throw new Error("a line of the key holds too little of its number");
  return base64Pieces(Buffer.from(longest));
}

function pemNumber(block: string): Buffer {
  const { d } = createPrivateKey(block.replaceAll("\\n", "\n")).export({ format: "jwk" });
  if (d === undefined) throw new Error("a private key without a secret number");
  return Buffer.from(d, "base64url");
}

/** PROTOCOL.key of OpenSSH: what is secret is the fourth field of the last section; Ed25519 has its public key behind it. */
function opensshNumber(block: string): Buffer {
  const body = block
    .replaceAll("\\n", "\n")
    .split("\n")
    .slice(1)
    .filter((line) => !line.startsWith("-----"));
  const file = Buffer.from(body.join(""), "base64");
  let at = "openssh-key-v1\0".length;
  const field = (): Buffer => {
    const length = file.readUInt32BE(at);
    at += 4 + length;
    return file.subarray(at - length, at);
  };
  for (const _ of ["cipher", "kdf", "options"]) field();
  at += 4; // Number of keys.
  field(); // Public key.
  at += 4 + 8; // Length of the section, check numbers.
  const type = field().toString();
  field(); // Curve, or public key.
  if (type !== "ssh-ed25519") field(); // Point.
  const number = field();
  return type === "ssh-ed25519" ? number.subarray(0, 32) : number;
}

/** Secrets inside a text: the private keys in it, or the text itself. */
function secretsIn(name: string, text: string): readonly Secret[] {
  const blocks = text.match(KEY_BLOCK) ?? [];
  if (blocks.length > 0) return blocks.map((block) => keySecret(name, block.replaceAll(/\n +/g, "\n")));
  // A kubeconfig: its key, in base64.
  const kubeconfig = /client-key-data: (\S+)/.exec(text)?.[1];
  if (kubeconfig !== undefined) return [keySecret(name, Buffer.from(kubeconfig, "base64").toString())];
  // A bundle's payload: what is secret in it are keys and passwords, which are records of their own.
  if (name.endsWith(".stdin") && text.length > 1_000) return [];
  return [textSecret(name, text.trim())];
}

/** All secrets of a state, also those inside larger secret values. */
export function secretsOf(records: readonly ResourceRecord[]): readonly Secret[] {
  const leaves = (value: unknown, name: string, hidden: boolean): readonly Secret[] => {
    if (isSecret(value)) return leaves(value.value, name, true);
    if (Array.isArray(value)) return value.flatMap((item, i) => leaves(item, `${name}[${i}]`, hidden));
    if (isObject(value)) {
      const known = Object.entries(value).filter(([key]) => !(hidden && PUBLIC.includes(key)));
      return known.flatMap(([key, item]) => leaves(item, `${name}.${key}`, hidden));
    }
    return hidden && typeof value === "string" && value !== "" ? secretsIn(name, value) : [];
  };
  return records.flatMap(({ urn, inputs, outputs }) => {
    const name = urn.split("::").slice(-1).join("");
    return [...leaves(inputs, name, false), ...leaves(outputs, name, false)];
  });
}

/** Names of the secrets that a text gives away. */
export function leaks(secrets: readonly Secret[], text: string): readonly string[] {
  const dense = text.replaceAll(/\\n|\s+/g, "");
  const given = secrets.filter(({ needles }) => needles.some((needle) => dense.includes(needle)));
  return [...new Set(given.map(({ name }) => name))];
}
