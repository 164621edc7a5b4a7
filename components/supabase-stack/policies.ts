/** Who of Supabase's services may talk to whom. */
import { NAMESPACES } from "../../plan/namespaces.ts";
import { POOLER } from "../../plan/pooler.ts";
import { SUPABASE_SERVICES, type SupabaseService } from "../../plan/supabase.ts";
import { DATABASE_LABEL } from "../kubernetes/namespaces.ts";
import type { KubeObject } from "../kubernetes/objects.ts";
import { selector } from "../kubernetes/pods.ts";
import { namespaceNamed, outside, policy, tcp } from "../kubernetes/policies.ts";

const NAMESPACE = NAMESPACES.supabase.name;

/** On a pod: it may leave the cluster. */
export const OUTSIDE_LABEL = { "gardenos/outside": "true" } as const;

/** Makes Realtime's tenant. */
export const TENANT_JOB = "realtime-tenant";

/** Who calls whom, beside the gateway's clients. Realtime's pods find each other, for which Erlang wants ports of its own. */
const CALLS: readonly (readonly [from: SupabaseService, to: SupabaseService])[] = [
  ["gateway", "auth"],
  ["gateway", "rest"],
  ["gateway", "realtime"],
  ["gateway", "storage"],
  ["gateway", "functions"],
  ["gateway", "studio"],
  ["storage", "imgproxy"],
  ["studio", "meta"],
  ["studio", "gateway"],
  ["functions", "gateway"],
];

/** Whether the gateway calls it. */
export const isBehindGateway = (service: SupabaseService): boolean =>
  CALLS.some(([from, to]) => from === "gateway" && to === service);

const podsOf = (name: string) => ({ podSelector: { matchLabels: selector(name) } });
const portOf = (name: SupabaseService) => tcp(SUPABASE_SERVICES[name].port);

function call(from: string, to: SupabaseService): KubeObject[] {
  return [
    policy(NAMESPACE, `${from}-to-${to}`, {
      ...podsOf(from),
      policyTypes: ["Egress"],
      egress: [{ to: [podsOf(to)], ports: portOf(to) }],
    }),
    policy(NAMESPACE, `${to}-from-${from}`, {
      ...podsOf(to),
      policyTypes: ["Ingress"],
      ingress: [{ from: [podsOf(from)], ports: portOf(to) }],
    }),
  ];
}

/** Erlang's port mapper, and any port that it gives out. */
const realtimeCluster = (): KubeObject =>
  policy(NAMESPACE, "realtime-cluster", {
    ...podsOf("realtime"),
    policyTypes: ["Ingress", "Egress"],
    ingress: [{ from: [podsOf("realtime")] }],
    egress: [{ to: [podsOf("realtime")] }],
  });

/** Services listen and prepare statements, so they go to Postgres itself and not to the pooler. */
const toDatabase = (): KubeObject =>
  policy(NAMESPACE, "to-database", {
    podSelector: { matchLabels: DATABASE_LABEL },
    policyTypes: ["Egress"],
    egress: [
      {
        to: [{ namespaceSelector: namespaceNamed(POOLER.namespace), ...podsOf(POOLER.balancer.name) }],
        ports: tcp(...POOLER.balancer.ports),
      },
    ],
  });

/** Addresses of the internet change, and policies know no names: any but the stack's own networks. */
const toOutside = (privateCidrs: readonly string[]): KubeObject =>
  policy(NAMESPACE, "to-outside", {
    podSelector: { matchLabels: OUTSIDE_LABEL },
    policyTypes: ["Egress"],
    egress: [{ to: [outside(privateCidrs)] }],
  });

export function stackPolicies(
  services: readonly SupabaseService[],
  privateCidrs: readonly string[],
): KubeObject[] {
  const both = ([from, to]: (typeof CALLS)[number]) => services.includes(from) && services.includes(to);
  return [
    ...CALLS.filter(both).flatMap(([from, to]) => call(from, to)),
    ...(services.includes("realtime") ? [realtimeCluster(), ...call(TENANT_JOB, "realtime")] : []),
    toDatabase(),
    toOutside(privateCidrs),
  ];
}
