/**
 * A pod with pgbench, and with a pooler of its own that skips HAProxy; and the policies that let it reach members, HAProxy and
 * PgBouncer each by themselves, which nobody else may.
 */

import type { NetworkPolicySpec } from "../components/kubernetes/objects.ts";
import { RESTRICTED_CONTAINER, RESTRICTED_POD, resources, selector } from "../components/kubernetes/pods.ts";
import { policy, tcp } from "../components/kubernetes/policies.ts";
import { FOLDER } from "../components/pgbouncer/render.ts";
import type { PostgresLogin } from "../ops/postgres-probe.ts";
import { POOLER } from "../plan/pooler.ts";
import { POSTGRES } from "../plan/postgres.ts";

export const { namespace } = POSTGRES;
export const NAME = "postgres-bench";
const BINARIES = "/usr/lib/postgresql/17/bin";

export interface BenchPod {
  readonly login: PostgresLogin;
  readonly images: { readonly postgres: string; readonly pgbouncer: string };
  /** `pgbouncer.ini` of the pooler beside pgbench. */
  readonly ini: string;
}

const metadata = { name: NAME, namespace, labels: selector(NAME) };
const reached = [POSTGRES.name, POSTGRES.balancer, POSTGRES.pooler];
const ports = tcp(...Object.values(POSTGRES.ports));

const policies = () => {
  const named = (name: string, spec: NetworkPolicySpec) => policy(namespace, `${NAME}-${name}`, spec);
  const own = { matchLabels: selector(NAME) };
  const theirs = reached.map((name) => ({ podSelector: { matchLabels: selector(name) } }));
  return [
    named("out", { podSelector: own, policyTypes: ["Egress"], egress: [{ to: theirs, ports }] }),
    ...theirs.map(({ podSelector }, i) =>
      named(`into-${reached[i]}`, {
        podSelector,
        policyTypes: ["Ingress"],
        ingress: [{ from: [{ podSelector: own }], ports }],
      }),
    ),
  ];
};

const pgbench = ({ login, images }: BenchPod) => ({
  name: "pgbench",
  image: images.postgres,
  command: ["sleep", "infinity"],
  env: [
    { name: "PATH", value: `${BINARIES}:/usr/bin:/bin` },
    { name: "PGUSER", value: login.user },
    { name: "PGDATABASE", value: login.database },
    { name: "PGSSLMODE", value: "verify-full" },
    { name: "PGSSLROOTCERT", value: "/bench/ca.crt" },
    { name: "PGPASSWORD", valueFrom: { secretKeyRef: { name: NAME, key: "password" } } },
  ],
  resources: resources("100m", "128Mi"),
  securityContext: RESTRICTED_CONTAINER,
  volumeMounts: [{ name: "bench", mountPath: "/bench", readOnly: true }],
});

const pooler = ({ images }: BenchPod) => ({
  name: "pgbouncer",
  image: images.pgbouncer,
  command: ["pgbouncer", "/bench/pgbouncer.ini"],
  resources: resources("100m", "64Mi"),
  securityContext: RESTRICTED_CONTAINER,
  volumeMounts: [
    { name: "bench", mountPath: "/bench", readOnly: true },
    { name: "pgbouncer", mountPath: FOLDER, readOnly: true },
  ],
});

/** Everything of the benchmark, as a list for `kubectl apply` and `kubectl delete`. */
export function benchObjects(pod: BenchPod): object {
  const { password, ca } = pod.login;
  const items = [
    ...policies(),
    { apiVersion: "v1", kind: "Secret", metadata, stringData: { password } },
    { apiVersion: "v1", kind: "ConfigMap", metadata, data: { "pgbouncer.ini": pod.ini, "ca.crt": ca } },
    {
      apiVersion: "v1",
      kind: "Pod",
      metadata,
      spec: {
        ...RESTRICTED_POD,
        restartPolicy: "Never",
        terminationGracePeriodSeconds: 1,
        containers: [pgbench(pod), pooler(pod)],
        volumes: [
          { name: "bench", configMap: { name: NAME } },
          { name: "pgbouncer", secret: { secretName: POOLER.name, defaultMode: 0o440 } },
        ],
      },
    },
  ];
  return { apiVersion: "v1", kind: "List", items };
}
