/** How patient HAProxy is, and how much it takes. */

/**
 * Worst case until a dead server gets no more connections: an interval until the next check, and two checks that fail;
 * two, because one lost packet is no dead server. The connection of a check may take `inter`, its answer `timeout`.
 * No answer: 0.5 + 0.8 + 0.15 + 0.8 = 2.25 s. No connection: 0.5 + 0.5 + 0.15 + 0.5 = 1.65 s. Refused: 0.65 s.
 */
const FALL = "fastinter 150ms fall 2";
const TIMES = `check inter 500ms ${FALL}`;
export const CHECK = {
  timeout: "800ms",
  server: `${TIMES} rise 2`,
  /**
   * For Postgres: one good answer is enough. It says who holds the lock, and there is one. Half as often: Patroni answers in
   * Python, by TLS, and two HAProxies a node ask each member two things. Out after 2.75 s without an answer at most.
   */
  database: `check inter 1s ${FALL} rise 1`,
} as const;

/** Dead peers without traffic: gone after 45 s. */
export const KEEP_ALIVE = { idle: "30s", interval: "5s", count: 3 };

/** Dead peers with data on the way to them: gone after this. */
export const UNACKNOWLEDGED = "tcp-ut 30s";

/**
 * Connections per front, so that a crowd at the ingress leaves room for the API. Each takes two files and 33 KiB at
 * most; all together stay below 20 000 files, the limit of some machines, beyond which HAProxy does not start.
 */
export const CONNECTIONS = { api: 2000, ingress: 3000, database: 600, own: 50 };
