/** etcd as its clients see it: commands on a node, the clients' certificates out of the state. */
import type { Checkout } from "./checkout.ts";
import { outputOf } from "./state.ts";

export const NODES = ["n1", "n2", "n3"] as const;

/** Private addresses of the lab's nodes: Pulumi.lab.yaml. */
export const PRIVATE_IPS = { n1: "10.0.1.11", n2: "10.0.1.12", n3: "10.0.1.13" } as const;

/** Users of etcd that the program makes for its own components. */
export type ClientName = "k3s" | "patroni";

/** Where {@link installClient} puts things on n1. */
export const clientFiles = (user: ClientName) => {
  const dir = `/run/client-${user}`;
  return {
    ca: "/etc/etcd/pki/client-ca.crt",
    cert: `${dir}/client.crt`,
    key: `${dir}/client.key`,
    env: `${dir}/env`,
  };
};

export const patroniPassword = (lab: Checkout): string => outputOf(lab, "etcd-patroni-password", "result");

/** Fingerprint of the key that the program itself logs in with: `SHA256:…`, as sshd logs it. */
export const deployKeyFingerprint = (lab: Checkout): string =>
  outputOf(lab, "nodes-deploy-key", "publicKeyFingerprintSha256");

/** Puts a client's certificate on n1, with an environment file for etcdctl. Nothing secret is in any argv. */
export async function installClient(lab: Checkout, user: ClientName): Promise<void> {
  const { ca, cert, key, env } = clientFiles(user);
  const variables = {
    ETCDCTL_ENDPOINTS: Object.values(PRIVATE_IPS)
      .map((ip) => `https://${ip}:2379`)
      .join(","),
    ETCDCTL_CACERT: ca,
    ETCDCTL_CERT: cert,
    ETCDCTL_KEY: key,
    ...(user === "patroni" && { ETCDCTL_USER: user, ETCDCTL_PASSWORD: patroniPassword(lab) }),
  };
  const lines = Object.entries(variables).map(([name, value]) => `${name}='${value}'\n`);
  await lab.put("n1", {
    [cert]: outputOf(lab, `etcd-client-${user}`, "certPem"),
    [key]: outputOf(lab, `etcd-client-${user}-key`, "privateKeyPem"),
    [env]: lines.join(""),
  });
}

const environmentOf = (user: ClientName | "root") =>
  `set -a; . ${user === "root" ? "/etc/etcd/ctl.env" : clientFiles(user).env}; set +a`;

/**
 * Runs commands on n1 with the environment of an etcd user, one after the other. Answers what each one printed,
 * by command: its output or its error, without the warnings that etcd's client library logs.
 */
export async function ask(
  lab: Checkout,
  user: ClientName | "root",
  commands: readonly string[],
): Promise<Readonly<Record<string, string>>> {
  const end = "--- end of answer ---";
  const script = [environmentOf(user), ...commands.map((command) => `${command} 2>&1; echo '${end}'`)];
  const answers = (await lab.must("ssh", "n1", script.join("\n"))).split(`${end}\n`);
  const withoutLog = (text: string) =>
    text
      .split("\n")
      .filter((line) => !line.startsWith('{"level":"warn"'))
      .join("\n");
  return Object.fromEntries(commands.map((command, i) => [command, withoutLog(answers[i] ?? "").trim()]));
}

/** Standard output of a command on n1 with the environment of etcd's root. It must succeed. */
export const root = (lab: Checkout, command: string): Promise<string> =>
  lab.output("n1", `${environmentOf("root")}; ${command}`);

/** The cluster as its members describe it. */
export interface Cluster {
  /** Cluster ids that members give: one, if they are of one cluster. As text, because they exceed a number. */
  readonly ids: readonly string[];
  /** Voting members that have started, sorted. */
  readonly voters: readonly string[];
  /** Quota in effect at each member, in bytes. */
  readonly quotas: readonly number[];
}

export async function describeCluster(lab: Checkout): Promise<Cluster> {
  const status = "etcdctl endpoint status --cluster -w fields";
  const list = "etcdctl member list";
  const answers = await ask(lab, "root", [status, list]);
  const values = (field: string) =>
    (answers[status] ?? "")
      .split("\n")
      .flatMap((line) => (line.startsWith(`"${field}" : `) ? [line.split(" : ")[1] ?? ""] : []));
  const members = (answers[list] ?? "").split("\n").map((line) => line.split(", "));
  return {
    ids: [...new Set(values("ClusterID"))],
    voters: members
      .filter(([, status, , , , learner]) => status === "started" && learner === "false")
      .map(([, , name = ""]) => name)
      .sort(),
    quotas: values("DBSizeQuota").map(Number),
  };
}
