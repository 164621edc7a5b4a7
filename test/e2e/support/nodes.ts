/** What nodes and the emulated API remember: by these a test proves that nothing happened. */

import { LAB_NET } from "../../../lab/addresses.ts";
import { nameOf } from "../../../lab/engine/urn.ts";
import type { Checkout } from "./checkout.ts";
import { NODES } from "./etcd.ts";

type ByNode = Readonly<Record<string, string>>;

/** Standard output of a command on every node. */
export async function onAll(lab: Checkout, command: string): Promise<ByNode> {
  const pairs = NODES.map(async (node) => [node, await lab.output(node, command)] as const);
  return Object.fromEntries(await Promise.all(pairs));
}

/** A node that was rebooted, rebuilt or power-cycled has another one. */
export const bootIds = (lab: Checkout): Promise<ByNode> => onAll(lab, "cat /proc/sys/kernel/random/boot_id");

/**
 * How often the program has logged in, by node. `status`, and so the end of every `up`, comes with the
 * administrator's key; the program has a key of its own.
 */
export const programLogins = (lab: Checkout, fingerprint: string): Promise<ByNode> =>
  onAll(lab, `journalctl -q --no-pager -u ssh -o cat | grep -c 'Accepted publickey .* ${fingerprint}$'`);

/** Calls of the emulated API so far. */
export async function apiCalls(lab: Checkout): Promise<{ readonly reads: number; readonly writes: number }> {
  const url = `${new URL(LAB_NET.apiUrl).origin}/_lab/requests`;
  const { requests } = JSON.parse(await lab.must("exec", "curl", "-fsS", url)) as {
    requests: readonly { readonly method: string; readonly count: number }[];
  };
  const total = (isRead: boolean) =>
    requests.filter(({ method }) => (method === "GET") === isRead).reduce((sum, { count }) => sum + count, 0);
  return { reads: total(true), writes: total(false) };
}

/** Hetzner's server ids, as the state has them, by node. */
export function serverIds(lab: Checkout): ByNode {
  const servers = [...lab.state().resources.values()].filter(
    ({ type }) => type === "hcloud:index/server:Server",
  );
  return Object.fromEntries(servers.map(({ urn, id }) => [nameOf(urn), id ?? ""]));
}
