/** The last layer: FastAPI services on the databases, behind the ingress. */
import type * as pulumi from "@pulumi/pulumi";
import { CertManager } from "../components/cert-manager/index.ts";
import { type DatabaseAccess, FastApiServices } from "../components/fastapi-services/index.ts";
import { IngressCertificates } from "../components/ingress-certificates/index.ts";
import { NAMESPACES } from "../plan/namespaces.ts";
import type { Plan } from "../plan/plan.ts";
import { POSTGRES } from "../plan/postgres.ts";
import type { Postgres } from "./full.ts";
import { type Kubernetes, policyAddresses } from "./kubernetes.ts";

export interface AppsInput {
  readonly plan: Plan;
  readonly kubernetes: Kubernetes;
  readonly postgres: Postgres;
  readonly certificates: Certificates | undefined;
  /** Key of the AI provider. Secret. */
  readonly aiApiKey?: pulumi.Output<string>;
  /** Registry → who asks. Secret. */
  readonly registries?: pulumi.Output<Readonly<Record<string, { username: string; password: string }>>>;
}

/** Databases as pods reach them. */
function databases({ cluster }: Postgres): Readonly<Record<string, DatabaseAccess>> {
  const { namespace, primary, pooler, ports } = POSTGRES;
  return Object.fromEntries(
    Object.entries(cluster.logins).map(([name, logins]) => [
      name,
      {
        pooler: { host: `${pooler}.${namespace}`, port: ports.pooler },
        primary: { host: `${primary}.${namespace}`, port: ports.postgres },
        logins,
      },
    ]),
  );
}

/** Networks of the stack itself, and the cloud's metadata service. */
export const privateCidrs = ({ network }: Plan): readonly string[] => [
  ...[network.cidr, network.podCidr, network.serviceCidr, "169.254.0.0/16"],
];

/** Certificates of everything that the ingress serves, by one authority or another. */
export type Certificates = IngressCertificates | CertManager;

/** Undefined where it serves nothing. */
export function createCertificates(plan: Plan, kubernetes: Kubernetes): Certificates | undefined {
  const given = (names: readonly (string | undefined)[]) => names.flatMap((name) => name ?? []);
  const { host, studioHost, services } = plan.supabase;
  const byNamespace = {
    [NAMESPACES.apps.name]: given(Object.values(plan.services).map((service) => service.host)),
    [NAMESPACES.supabase.name]: given(Object.keys(services).length > 0 ? [host, studioHost] : []),
  };
  const hosts = Object.fromEntries(Object.entries(byNamespace).filter(([, names]) => names.length > 0));
  if (Object.keys(hosts).length === 0) return undefined;
  const { closed: after } = kubernetes.platform;
  const opts = { providers: [kubernetes.provider] };
  if (plan.tls.mode === "internal-ca")
    return new IngressCertificates("ingress-certificates", { hosts, after }, opts);
  const { email, server, issuer } = plan.tls;
  return new CertManager(
    "cert-manager",
    {
      ...{ hosts, after, email, server, issuer, images: plan.images, ingressClass: plan.ingress.class },
      ...{ network: policyAddresses(plan), privateCidrs: privateCidrs(plan) },
    },
    opts,
  );
}

/** Undefined where no service is configured. */
export function createApps(input: AppsInput) {
  const { plan, kubernetes, postgres, certificates, aiApiKey, registries } = input;
  if (Object.keys(plan.services).length === 0) return undefined;
  const { ready } = kubernetes.platform;
  const namespace = NAMESPACES.apps.name;
  return new FastApiServices(
    "services",
    {
      namespace,
      services: plan.services,
      waitImage: plan.images.busybox,
      databases: databases(postgres),
      databaseCa: postgres.authority.caPem,
      ...(aiApiKey && { ai: { ...plan.ai, apiKey: aiApiKey } }),
      ...(registries && { registries }),
      ingress: { className: plan.ingress.class, tlsSecret: certificates?.secretName ?? "" },
      privateCidrs: privateCidrs(plan),
      after: [...ready, ...postgres.pooler.ready, ...(certificates?.ready ?? [])],
    },
    { providers: [kubernetes.provider] },
  );
}
