/** Keeps known secrets off the screen, wherever they turn up: driver errors, program output, log lines. */
import { isIP } from "node:net";
import { isObject, isSecret, SECRET_TEXT } from "./wire.ts";

/** Shorter values would hide ordinary words and protect nothing. */
const MIN_LENGTH = 6;
/** A part of a longer secret counts as a secret itself when it is this long and looks random. */
const MIN_RANDOM_LENGTH = 20;
/** Longer texts are files; only a whole one is looked for. */
const MAX_SPLIT_LENGTH = 64 * 1024;

/** Remembers secret values and takes them out of texts. */
export class Redactor {
  readonly #known = new Set<string>();
  #longestFirst: readonly string[] = [];

  /** Remembers every text inside a secret value. A text that is JSON is looked into as well. */
  learn(value: unknown): void {
    if (Array.isArray(value)) for (const item of value) this.learn(item);
    else if (isObject(value)) for (const item of Object.values(value)) this.learn(item);
    else if (typeof value === "number") this.#add(String(value));
    else if (typeof value === "string") this.#learnText(value);
  }

  /** Remembers every wrapped secret inside a wire value. */
  learnSecrets(value: unknown): void {
    if (isSecret(value)) this.learn(value.value);
    else if (Array.isArray(value)) for (const item of value) this.learnSecrets(item);
    else if (isObject(value)) for (const item of Object.values(value)) this.learnSecrets(item);
  }

  /** The text with each known secret replaced. */
  clean(text: string): string {
    if (this.#longestFirst.length !== this.#known.size) {
      this.#longestFirst = [...this.#known].sort((a, b) => b.length - a.length);
    }
    return this.#longestFirst.reduce(
      (rest, known) => (known.length > rest.length ? rest : rest.replaceAll(known, SECRET_TEXT)),
      text,
    );
  }

  #learnText(text: string): void {
    if (this.#known.has(text)) return;
    this.#add(text);
    this.#add(text.trim());
    this.#add(JSON.stringify(text).slice(1, -1));
    if (text.length <= MAX_SPLIT_LENGTH) {
      for (const part of text.split(/[\s'"=:,;\\]+/)) if (looksRandom(part)) this.#add(part);
    }
    const inner = parseJson(text);
    if (isObject(inner) || Array.isArray(inner)) this.learn(inner);
  }

  #add(text: string): void {
    if (text.length >= MIN_LENGTH && !isCommon(text)) this.#known.add(text);
  }
}

/** User names, addresses and the like travel inside secret objects; hiding them would make messages useless. */
function isCommon(text: string): boolean {
  return isIP(text) !== 0 || /^[a-z]{1,11}$/.test(text);
}

/** Keys and tokens mix digits with letters of both cases and are no path. */
function looksRandom(text: string): boolean {
  const mixed = /\d/.test(text) && /[a-z]/.test(text) && /[A-Z]/.test(text);
  return text.length >= MIN_RANDOM_LENGTH && mixed && !/^[./]/.test(text);
}

function parseJson(text: string): unknown {
  if (!/^\s*[[{]/.test(text)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
