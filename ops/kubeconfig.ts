/** What a client that is not kubectl takes from a kubeconfig. */
import { parse } from "yaml";
import { z } from "zod";

const pem = z.base64().transform((text) => Buffer.from(text, "base64").toString());

const kubeconfigSchema = z.object({
  clusters: z.tuple([
    z.object({
      cluster: z.object({
        server: z.url({ protocol: /^https$/ }),
        "tls-server-name": z.string(),
        "certificate-authority-data": pem,
      }),
    }),
  ]),
  users: z.tuple([z.object({ user: z.object({ "client-certificate-data": pem, "client-key-data": pem }) })]),
});

export interface ApiCredentials {
  /** Where the kubeconfig says the API is. */
  readonly endpoint: URL;
  /** In every API server's certificate, whatever address a client came by. */
  readonly serverName: string;
  /** PEM. */
  readonly ca: string;
  readonly cert: string;
  /** Secret. */
  readonly key: string;
}

/**
 * The one cluster and the one user of an exported kubeconfig.
 * @throws Error that names what is missing, and shows nothing of the file
 */
export function readKubeconfig(text: string): ApiCredentials {
  const result = kubeconfigSchema.safeParse(parse(text));
  if (!result.success) {
    const fields = result.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
    throw new Error(`the exported kubeconfig can't be used here: ${fields.join("; ")}`);
  }
  const [{ cluster }] = result.data.clusters;
  const [{ user }] = result.data.users;
  return {
    endpoint: new URL(cluster.server),
    serverName: cluster["tls-server-name"],
    ca: cluster["certificate-authority-data"],
    cert: user["client-certificate-data"],
    key: user["client-key-data"],
  };
}
