/** What a container of a service reads from its environment. Names: docs of the sample app and requirement F4. */
import { DATABASE_CA } from "../kubernetes/database-ca.ts";
import { plainVariables } from "../kubernetes/pods.ts";
import type { AiProvider, DatabaseAccess, ServiceArgs } from "./args.ts";

/** One variable of a container: a plain value, or one that a Secret has. */
export type Variable = { readonly name: string } & (
  | { readonly value: string }
  | { readonly valueFrom: { readonly secretKeyRef: { readonly name: string; readonly key: string } } }
);

export type Role = keyof DatabaseAccess["logins"];

/** Secret with a role's password. */
export const loginSecret = (database: string, role: Role): string =>
  `database-${database.replaceAll("_", "-")}-${role}`;

/** Secret with the provider's key. */
export const AI_SECRET = "ai-provider";

const fromSecret = (name: string, secret: string, key: string): Variable => ({
  name,
  valueFrom: { secretKeyRef: { name: secret, key } },
});

/** How to reach a database as one of its roles. */
export function databaseEnv(
  database: string,
  role: Role,
  { host, port }: { readonly host: string; readonly port: number },
): Variable[] {
  const secret = loginSecret(database, role);
  return [
    ...plainVariables({ DATABASE_HOST: host, DATABASE_PORT: port, DATABASE_NAME: database }),
    fromSecret("DATABASE_USER", secret, "user"),
    fromSecret("DATABASE_PASSWORD", secret, "password"),
    ...plainVariables({ DATABASE_CA_FILE: DATABASE_CA }),
  ];
}

const aiEnv = ({ baseUrl, model }: AiProvider): Variable[] => [
  ...plainVariables({ OPENAI_BASE_URL: baseUrl, OPENAI_MODEL: model }),
  fromSecret("OPENAI_API_KEY", AI_SECRET, "apiKey"),
];

/** Everything of a service, in an order that does not change. */
export function serviceEnv(
  { port, workers, agents, env, database, ai }: ServiceArgs,
  access: DatabaseAccess | undefined,
  provider: AiProvider | undefined,
): Variable[] {
  const counts = Object.entries(agents).map(([kind, count]) => [`AGENTS_${kind.toUpperCase()}`, count]);
  return [
    ...plainVariables({ PORT: port, WEB_CONCURRENCY: workers }),
    ...plainVariables(Object.fromEntries(counts)),
    ...(database && access ? databaseEnv(database.name, database.role, access.pooler) : []),
    ...(ai && provider ? aiEnv(provider) : []),
    ...plainVariables(env),
  ];
}
