/** A cluster with two databases, as the program would make it. */
import { renderSql, roles } from "../../../components/patroni-cluster/sql.ts";
import { scramVerifier } from "../../../lib/scram.ts";

const SALT = Buffer.from("0123456789abcdef").toString("base64");
export const DATABASES = {
  app: { extensions: ["pgcrypto", "uuid-ossp"], rotation: 1 },
  shop: { extensions: [], rotation: 0 },
};
export const TABLE = roles(DATABASES);
export const password = (role: string) => `${role}-password-1`;
export const VERIFIERS = Object.fromEntries(
  TABLE.filter(({ login }) => login === "password").map(({ name }) => [
    name,
    scramVerifier(password(name), SALT),
  ]),
);
export const SQL = renderSql({ databases: DATABASES, verifiers: VERIFIERS });
