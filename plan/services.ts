/** What follows from the settings of FastAPI services. */
import type { Settings } from "../config/schema.ts";
import type { Quantity } from "../lib/quantity.ts";

/** Pods where neither their number nor an autoscaler is configured: one may be lost. */
const DEFAULT_REPLICAS = 2;

/** Pods by load: the Deployment leaves their number to the autoscaler. */
export interface Autoscale {
  readonly min: number;
  readonly max: number;
  /** Share of the CPU request, in percent, that pods are kept at. */
  readonly cpuPercent: number;
}

/** One service, as components read it. */
export interface ServicePlan {
  /** By digest. */
  readonly image: string;
  /** In place of the image's own. */
  readonly command?: readonly string[];
  readonly port: number;
  readonly pods: { readonly replicas: number } | { readonly autoscale: Autoscale };
  /** Processes of a pod, as uvicorn reads it from WEB_CONCURRENCY. */
  readonly workers: number;
  readonly cpu: string;
  readonly memory: Quantity;
  /** How many agents of each kind a pod runs: AGENTS_KIND. */
  readonly agents: Readonly<Record<string, number>>;
  /** Plain variables beside the platform's. */
  readonly env: Readonly<Record<string, string>>;
  /** Name of its database, and whether it writes. */
  readonly database?: { readonly name: string; readonly role: "rw" | "ro" };
  /** Ends before any new pod starts. @default - no migration */
  readonly migrate?: { readonly command: readonly string[] };
  /** Gets OPENAI_BASE_URL, OPENAI_MODEL and OPENAI_API_KEY. */
  readonly ai: boolean;
  /** Host name under which the ingress serves it, in full. @default - only pods reach it */
  readonly host?: string;
  /** Seconds from the signal to stop until the pod is killed. */
  readonly graceSeconds: number;
}

type ServiceSettings = Settings["services"][string];

/** Any agents at all: they need the provider. */
export const hasAgents = ({ agents }: Pick<ServiceSettings, "agents">): boolean =>
  Object.values(agents).some((count) => count > 0);

/** Host name of a service, where the ingress serves it. */
export const hostName = (host: string | undefined, domain: string | undefined): string | undefined =>
  host === undefined || domain === undefined ? undefined : `${host}.${domain}`;

function planService(service: ServiceSettings, domain: string | undefined): ServicePlan {
  const { database, access, migrate, command, replicas, autoscale, host: label, ...rest } = service;
  const host = hostName(label, domain);
  return {
    ...rest,
    ...(command && { command }),
    pods: autoscale ? { autoscale } : { replicas: replicas ?? DEFAULT_REPLICAS },
    ...(database !== undefined && { database: { name: database, role: access } }),
    ...(migrate && { migrate: { command: migrate } }),
    ai: hasAgents(service),
    ...(host !== undefined && { host }),
  };
}

/** By name. Expects checked settings. */
export const planServices = ({
  services,
  domain,
}: Pick<Settings, "services" | "domain">): Readonly<Record<string, ServicePlan>> =>
  Object.fromEntries(
    Object.entries(services)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, service]) => [name, planService(service, domain)]),
  );

/** Pods of a service at most, the one more of a rollout not counted. */
export const mostPods = ({ replicas, autoscale }: Pick<ServiceSettings, "replicas" | "autoscale">): number =>
  autoscale?.max ?? replicas ?? DEFAULT_REPLICAS;
