/** Pure text of a kubeconfig. */
import { stringify } from "yaml";

export interface KubeconfigArgs {
  /** Name of cluster and context. */
  readonly cluster: string;
  readonly user: string;
  /** Host of the API as clients reach it: a name or an IPv4 address. */
  readonly host: string;
  readonly port: number;
  /** Authorities of the API server, PEM. */
  readonly caPem: string;
  readonly certPem: string;
  /** PEM. Secret. */
  readonly keyPem: string;
}

/** A name that every API server's certificate holds, whatever address a client came by. */
const TLS_SERVER_NAME = "kubernetes";

const base64 = (text: string): string => Buffer.from(text, "utf8").toString("base64");

/** One cluster, one user, one context. The certificate is checked against a fixed name, so any entry will do. */
export function renderKubeconfig(args: KubeconfigArgs): string {
  const { cluster, user, host, port, caPem, certPem, keyPem } = args;
  return stringify(
    {
      apiVersion: "v1",
      kind: "Config",
      clusters: [
        {
          name: cluster,
          cluster: {
            server: `https://${host}:${port}`,
            "tls-server-name": TLS_SERVER_NAME,
            "certificate-authority-data": base64(caPem),
          },
        },
      ],
      users: [
        {
          name: user,
          user: { "client-certificate-data": base64(certPem), "client-key-data": base64(keyPem) },
        },
      ],
      contexts: [{ name: cluster, context: { cluster, user } }],
      "current-context": cluster,
    },
    { lineWidth: 0 },
  );
}
