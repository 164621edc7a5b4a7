/**
 * How a role's password changes while its clients work: two logins take turns. The one in use is handed out; the other keeps the password
 * that clients of before still have, until the next rotation gives it a new one.
 */

/** Which of the two. The first is the role itself; the second is a member of it and acts as it. */
export type Turn = "first" | "second";

/** The login that is handed out. @param rotation how often passwords have been rotated */
export const turnOf = (rotation: number): Turn => (rotation % 2 === 0 ? "first" : "second");

/** Name of a role's login. */
export const loginName = (role: string, turn: Turn): string => (turn === "first" ? role : `${role}_b`);

/** The rotation that drew a login's password: another one is another password. 0: it was drawn with the role. */
export const drawnAt = (rotation: number, turn: Turn): number =>
  turnOf(rotation) === turn ? rotation : rotation - 1;
