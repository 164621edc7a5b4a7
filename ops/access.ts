/** What on-call's tools need of a stack. The lab and production each have their own way to it. */
import type { StackExports } from "../exports.ts";
import { type ApiCredentials, readKubeconfig } from "./kubeconfig.ts";
import type { StatusSource } from "./status/index.ts";

/** What a load balancer thinks of a target. `unknown`: not checked yet. */
export type TargetHealth = "healthy" | "unhealthy" | "unknown";

export interface OpsAccess extends StatusSource {
  readonly exports: StackExports;
  /** How a person calls these tools here, for messages: `npm run -s ops --`. */
  readonly self: string;
  /** A command on a node, on this terminal, for as long as it takes. Answers its exit code. */
  terminal(node: string, command: string): Promise<number>;
  /** The load balancer's view, by node key. Only for stacks that have one. */
  targetHealth(): Promise<Readonly<Record<string, TargetHealth>>>;
}

/** Runs a command's body with access to the stack; its number is the exit code. */
export type WithAccess = (body: (access: OpsAccess) => Promise<number>) => Promise<void>;

/** @throws Error that names the nodes there are */
export function nodeOf(nodes: StackExports["nodes"], key: string): StackExports["nodes"][string] {
  const node = nodes[key];
  if (node) return node;
  const known = Object.keys(nodes).join(", ");
  throw new Error(`there is no node ${key}; ${known ? `nodes are ${known}` : "the stack has none yet"}`);
}

/** @throws Error while the stack has no Kubernetes */
export function apiCredentials({ kubernetes }: StackExports): ApiCredentials {
  if (kubernetes) return readKubeconfig(kubernetes.kubeconfig);
  throw new Error("the stack has no Kubernetes yet; `up` builds it");
}

export const hasLoadBalancer = ({ entry }: StackExports): boolean => entry?.kind === "load-balancer";
