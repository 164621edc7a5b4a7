/** Hetzner's limit of calls: a bucket that every call takes from and that fills up steadily. */

/** Size and refill of the bucket. */
export interface RateLimit {
  /** Calls in a full bucket. */
  readonly burst: number;
  /** Calls that come back per hour. */
  readonly perHour: number;
}

/** A project's limit on Hetzner. */
export const HETZNER_RATE_LIMIT: RateLimit = { burst: 3600, perHour: 3600 };

/** Full at the start. */
export class Bucket {
  readonly #limit: RateLimit;
  #level: number;
  #at = Date.now();

  constructor(limit: RateLimit) {
    this.#limit = limit;
    this.#level = limit.burst;
  }

  /** False when the bucket is empty. */
  take(): boolean {
    const now = Date.now();
    const gained = ((now - this.#at) / 3_600_000) * this.#limit.perHour;
    this.#level = Math.min(this.#limit.burst, this.#level + gained);
    this.#at = now;
    if (this.#level < 1) return false;
    this.#level -= 1;
    return true;
  }

  /** `RateLimit-Reset` is the second, since 1970, when the bucket is full again. */
  get headers(): Readonly<Record<string, string>> {
    const missing = this.#limit.burst - this.#level;
    const full = this.#at + (missing / this.#limit.perHour) * 3_600_000;
    return {
      "RateLimit-Limit": String(this.#limit.burst),
      "RateLimit-Remaining": String(Math.floor(this.#level)),
      "RateLimit-Reset": String(Math.ceil(full / 1000)),
    };
  }
}
