/** etcd as its clients see it: commands on nodes, the clients' certificates out of the state. */

import { nameOf } from "../../../lab/engine/urn.ts";
import { plainProperties } from "../../../lab/engine/wire.ts";
import type { Checkout, Outcome } from "./checkout.ts";

export const NODES = ["n1", "n2", "n3"] as const;

/** Private addresses of the lab's nodes: Pulumi.lab.yaml. */
export const PRIVATE_IPS = { n1: "10.0.1.11", n2: "10.0.1.12", n3: "10.0.1.13" } as const;

/** Users of etcd that the program makes for components. */
export type ClientName = "k3s" | "patroni";

const CA = "/etc/etcd/pki/client-ca.crt";

/** Where {@link installClient} puts things on the node. */
export const clientFiles = (user: ClientName) => {
  const dir = `/run/client-${user}`;
  return { ca: CA, cert: `${dir}/client.crt`, key: `${dir}/client.key`, env: `${dir}/env` };
};

/** A property of a resource of the stack, secret or not. */
function outputOf(lab: Checkout, resource: string, property: string): string {
  const record = [...lab.state().resources.values()].find(({ urn }) => nameOf(urn) === resource);
  const value = record && plainProperties(record.outputs)[property];
  if (typeof value !== "string") throw new Error(`the state has no ${property} of ${resource}`);
  return value;
}

export const patroniPassword = (lab: Checkout): string => outputOf(lab, "etcd-patroni-password", "result");

/** Fingerprint of the key that the program itself logs in with: `SHA256:…`, as sshd logs it. */
export const deployKeyFingerprint = (lab: Checkout): string =>
  outputOf(lab, "nodes-deploy-key", "publicKeyFingerprintSha256");

/** Puts a client's certificate on a node, with an environment file for etcdctl. Nothing secret is in any argv. */
export async function installClient(lab: Checkout, node: string, user: ClientName): Promise<void> {
  const { ca, cert, key, env } = clientFiles(user);
  const endpoints = Object.values(PRIVATE_IPS).map((ip) => `https://${ip}:2379`);
  const variables = {
    ETCDCTL_ENDPOINTS: endpoints.join(","),
    ETCDCTL_CACERT: ca,
    ETCDCTL_CERT: cert,
    ETCDCTL_KEY: key,
    ...(user === "patroni" && { ETCDCTL_USER: user, ETCDCTL_PASSWORD: patroniPassword(lab) }),
  };
  const lines = Object.entries(variables).map(([name, value]) => `${name}='${value}'\n`);
  await lab.put(node, cert, outputOf(lab, `etcd-client-${user}`, "certPem"));
  await lab.put(node, key, outputOf(lab, `etcd-client-${user}-key`, "privateKeyPem"));
  await lab.put(node, env, lines.join(""));
}

/** Runs a command on n1 with the environment of an etcd user. */
export function as(lab: Checkout, user: ClientName | "root", command: string): Promise<Outcome> {
  const env = user === "root" ? "/etc/etcd/ctl.env" : clientFiles(user).env;
  return lab.on("n1", `set -a; . ${env}; ${command}`);
}

/** Standard output of a command on n1 as etcd's root. It must succeed. */
export async function root(lab: Checkout, command: string): Promise<string> {
  const { code, stdout, all } = await as(lab, "root", command);
  if (code !== 0) throw new Error(`${command} ended with ${code}:\n${all}`);
  return stdout.trim();
}

/** Lines of one field of `endpoint status`, one a member. Text, because ids don't fit into a JavaScript number. */
async function statusField(lab: Checkout, field: string): Promise<readonly string[]> {
  const fields = await root(lab, "etcdctl endpoint status --cluster -w fields");
  return fields
    .split("\n")
    .flatMap((line) => (line.startsWith(`"${field}" : `) ? [line.split(" : ")[1] ?? ""] : []));
}

/** The cluster's id, which all three members must give alike. */
export async function clusterId(lab: Checkout): Promise<string> {
  const ids = await statusField(lab, "ClusterID");
  const [id] = new Set(ids);
  if (ids.length !== NODES.length || !id || new Set(ids).size !== 1)
    throw new Error(`three members of one cluster are wanted, and they say ${ids.join(", ")}`);
  return id;
}

/** Quota in effect, by node, in bytes. */
export async function quotas(lab: Checkout): Promise<readonly number[]> {
  return (await statusField(lab, "DBSizeQuota")).map(Number);
}

/** Names of the voting members that have started, sorted. */
export async function voters(lab: Checkout): Promise<readonly string[]> {
  const rows = (await root(lab, "etcdctl member list")).split("\n").map((line) => line.split(", "));
  return rows
    .filter(([, status, , , , learner]) => status === "started" && learner === "false")
    .map(([, , name = ""]) => name)
    .sort();
}
