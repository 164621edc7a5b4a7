/** A few objects in a cluster whose kubeconfig only the deployment can tell. */
import { Deployment } from "@pulumi/kubernetes/apps/v1/deployment.js";
import { ConfigMap } from "@pulumi/kubernetes/core/v1/configMap.js";
import { Namespace } from "@pulumi/kubernetes/core/v1/namespace.js";
import { Secret } from "@pulumi/kubernetes/core/v1/secret.js";
import { Provider } from "@pulumi/kubernetes/provider.js";
import * as pulumi from "@pulumi/pulumi";
import { Thing } from "./thing.ts";

const config = new pulumi.Config();
const setting = (key: string, byDefault: string): string => config.get(key) ?? byDefault;

const gate = new Thing("gate", { size: 1 });
const kubeconfig = pulumi
  .all([config.requireSecret("kubeconfig"), gate.token])
  .apply(([text, token]) => `${text}# ${token}\n`);
const provider = new Provider("cluster", {
  kubeconfig,
  clusterIdentifier: "demo",
  enableServerSideApply: true,
  enableConfigMapMutable: setting("mutable", "true") === "true",
  skipUpdateUnreachable: true,
});
const options = { provider };
const namespace = new Namespace(
  "demo",
  { metadata: { name: "demo", annotations: { "pulumi.com/deletionPropagationPolicy": "background" } } },
  options,
);
const metadata = (name: string, annotations: Record<string, pulumi.Input<string>> = {}) => ({
  name,
  namespace: namespace.metadata.name,
  annotations: {
    "pulumi.com/deletionPropagationPolicy": "background",
    "pulumi.com/skipAwait": "true",
    ...annotations,
  },
});
new ConfigMap(
  "settings",
  { metadata: metadata("settings"), data: { mode: setting("mode", "fast") } },
  options,
);
new Secret(
  "password",
  { metadata: metadata("password"), stringData: { text: config.requireSecret("password") } },
  options,
);
const labels = { app: setting("app", "web") };
const web = new Deployment(
  "web",
  {
    metadata: metadata("web", { gate: gate.token }),
    spec: {
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          containers: [
            {
              name: "web",
              image: setting("image", "web:1"),
              env: [{ name: "MODE", value: setting("mode", "fast") }],
            },
            ...(config.get("sidecar") ? [{ name: "sidecar", image: "sidecar:1" }] : []),
          ],
        },
      },
    },
  },
  options,
);

export const uid = web.metadata.uid;
