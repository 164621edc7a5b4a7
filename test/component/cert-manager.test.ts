/** cert-manager as the program asks for it. The chart itself is in no registry that tests reach: nothing here has run it. */
import { describe, expect, it } from "vitest";
import { CertManager } from "../../components/cert-manager/index.ts";
import { chartValues, issuer } from "../../components/cert-manager/values.ts";
import { planTls } from "../../plan/certificates.ts";
import { record } from "../support/record.ts";
import { GOOD, problemsOf, settingsOf } from "../support/settings.ts";
import { clusterProvider, gate } from "../support/world.ts";

const reference = (part: string) => `quay.io/jetstack/cert-manager-${part}:v1.21.2@sha256:${"a".repeat(64)}`;
const IMAGES = {
  certManagerController: reference("controller"),
  certManagerWebhook: reference("webhook"),
  certManagerCainjector: reference("cainjector"),
  certManagerAcmesolver: reference("acmesolver"),
};

const make = () =>
  record(() => {
    new CertManager(
      "cert-manager",
      {
        images: IMAGES,
        hosts: { apps: ["api.example.org"], supabase: ["supabase.example.org", "studio.example.org"] },
        ...{ email: "ops@example.org", server: "https://acme.example/directory" },
        ...{ issuer: "acme-staging", ingressClass: "traefik" },
        network: { nodeIps: ["10.0.1.11"], apiServerIps: ["10.0.1.11"], podCidr: "10.42.0.0/16" },
        privateCidrs: ["10.0.0.0/8"],
        after: [gate()],
      },
      { providers: [clusterProvider()] },
    );
  });

describe("the chart", () => {
  it("runs images by their digests, and no hook that only Helm would run", () => {
    expect(chartValues(IMAGES)).toMatchObject({
      image: {
        repository: "quay.io/jetstack/cert-manager-controller",
        tag: "v1.21.2",
        digest: `sha256:${"a".repeat(64)}`,
      },
      acmesolver: { image: { repository: "quay.io/jetstack/cert-manager-acmesolver" } },
      crds: { enabled: true, keep: true },
      startupapicheck: { enabled: false },
    });
  });

  it("keeps the two pods of each part on nodes of their own, and moves them soon after the loss of one", () => {
    const spread = (name: string) => ({
      topologySpreadConstraints: [
        expect.objectContaining({ labelSelector: { matchLabels: { "app.kubernetes.io/name": name } } }),
      ],
      tolerations: expect.arrayContaining([
        expect.objectContaining({ key: "node.kubernetes.io/unreachable", tolerationSeconds: 30 }),
      ]),
    });
    expect(chartValues(IMAGES)).toMatchObject({
      ...spread("cert-manager"),
      webhook: spread("webhook"),
      cainjector: spread("cainjector"),
    });
  });

  it("is not there before the API trusts the webhook: pods are ready earlier, and the issuer would be refused", () => {
    const waits = { "pulumi.com/waitFor": "jsonpath={.webhooks[0].clientConfig.caBundle}" };
    expect(chartValues(IMAGES)).toMatchObject({
      webhook: {
        replicaCount: 2,
        mutatingWebhookConfigurationAnnotations: waits,
        validatingWebhookConfigurationAnnotations: waits,
      },
    });
  });

  it("comes after the policies, then the issuer, then a certificate for each namespace", async () => {
    const { resources } = await make();
    const named = (name: string) => resources.find((each) => each.name === name);
    expect(resources.find(({ type }) => type.endsWith(":Chart"))?.inputs).toMatchObject({
      chart: "oci://quay.io/jetstack/charts/cert-manager",
      version: "v1.21.2",
      namespace: "cert-manager",
    });
    expect(named("cert-manager-issuer")?.dependsOn).toContain("cert-manager");
    const certificates = ["apps/ingress-acme", "supabase/ingress-acme"].map((name) => named(name));
    expect(certificates.map((each) => each?.inputs["spec"])).toEqual([
      {
        ...{ dnsNames: ["api.example.org"], secretName: "ingress-acme" },
        issuerRef: { kind: "ClusterIssuer", name: "acme-staging" },
      },
      expect.objectContaining({ dnsNames: ["supabase.example.org", "studio.example.org"] }),
    ]);
    expect(certificates.map((each) => each?.dependsOn)).toEqual([
      ["cert-manager-issuer"],
      ["cert-manager-issuer"],
    ]);
  });
});

describe("the issuer", () => {
  it("asks by the ingress, with pods that the ingress controller may reach, and without ports of nodes", () => {
    const { metadata, spec } = issuer({
      email: "ops@example.org",
      server: "https://acme.example/directory",
      issuer: "acme-staging",
      ingressClass: "traefik",
    });
    expect(metadata).toEqual({ name: "acme-staging" });
    expect(spec.acme.privateKeySecretRef).toEqual({ name: "acme-staging-account" });
    expect(spec.acme.solvers[0]?.http01.ingress).toEqual({
      ingressClassName: "traefik",
      serviceType: "ClusterIP",
      podTemplate: { metadata: { labels: { "gardenos/ingress": "true" } } },
    });
  });

  it.each([
    ["prod", undefined, "https://acme-v02.api.letsencrypt.org/directory", "acme-production"],
    ["dev", undefined, "https://acme-staging-v02.api.letsencrypt.org/directory", "acme-staging"],
    ["dev", "production", "https://acme-v02.api.letsencrypt.org/directory", "acme-production"],
  ])("of a stack of %s with %s asks %s, and is called by it", (environment, directory, server, name) => {
    const tls = { mode: "acme", email: "ops@example.org", directory };
    expect(planTls(settingsOf({ ...GOOD, environment, tls }))).toMatchObject({ server, issuer: name });
  });
});

describe("settings", () => {
  it("with acme want an e-mail address, and an ingress controller", () => {
    expect(problemsOf({ ...GOOD, tls: { mode: "acme" }, ingress: { class: "none" } })).toEqual([
      {
        field: "gardenos:tls.email",
        got: undefined,
        want: "an address: tls.mode is acme, and the account at Let's Encrypt has a contact",
        fix: "pulumi config set --path 'gardenos:tls.email' ops@example.org",
      },
      {
        field: "gardenos:ingress.class",
        got: "none",
        want: "traefik: tls.mode is acme, and the authority asks through it",
        fix: "pulumi config set --path 'gardenos:tls.mode' internal-ca",
      },
    ]);
  });
});
