/** What nodes and the emulated API remember: by these a test proves that nothing happened, or in which order. */
import { LAB_NET } from "../../../lab/addresses.ts";
import { nameOf } from "../../../lab/engine/urn.ts";
import { plainProperties } from "../../../lab/engine/wire.ts";
import type { Checkout } from "./checkout.ts";
import { NODES } from "./etcd.ts";
import { recordsOf } from "./state.ts";

type ByNode<T = string> = Readonly<Record<string, T>>;

/** Standard output of a command on every node. */
export async function onAll(lab: Checkout, command: string): Promise<ByNode> {
  const pairs = NODES.map(async (node) => [node, await lab.output(node, command)] as const);
  return Object.fromEntries(await Promise.all(pairs));
}

/** A server, and its etcd, as they would not be after a rebuild, a reboot or a restart. */
export interface Trace {
  /** Hetzner's id. */
  readonly server: string;
  readonly boot: string;
  /** When etcd's last run ended; 0 when it still runs as first started. Seconds of CLOCK_MONOTONIC. */
  readonly etcdStopped: number;
  readonly etcdStarted: number;
}

const MICROSECONDS = 1e6;

/** Machines of one lab share CLOCK_MONOTONIC, so times of two nodes can be compared. */
export async function traces(lab: Checkout): Promise<ByNode<Trace>> {
  const time = (property: string) => `systemctl show --value -p ${property} etcd`;
  const command = [
    "cat /proc/sys/kernel/random/boot_id",
    time("ActiveExitTimestampMonotonic"),
    time("ActiveEnterTimestampMonotonic"),
  ].join("; ");
  const servers = serverIds(lab);
  const entries = Object.entries(await onAll(lab, command)).map(([node, text]) => {
    const [boot = "", stopped, started] = text.split("\n");
    const seconds = (value: string | undefined) => Number(value) / MICROSECONDS;
    return [
      node,
      { server: servers[node] ?? "", boot, etcdStopped: seconds(stopped), etcdStarted: seconds(started) },
    ];
  });
  return Object.fromEntries(entries);
}

/**
 * How often the program has logged in, by node. `status`, and so the end of every `up`, comes with the
 * administrator's key; the program has a key of its own.
 */
export async function programLogins(lab: Checkout, fingerprint: string): Promise<ByNode<number>> {
  const count = `journalctl -q --no-pager -u ssh -o cat | grep -c 'Accepted publickey .* ${fingerprint}$'`;
  return Object.fromEntries(
    Object.entries(await onAll(lab, count)).map(([node, text]) => [node, Number(text)]),
  );
}

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

const servers = (lab: Checkout) => recordsOf(lab).filter(({ type }) => type === "hcloud:index/server:Server");

/** Hetzner's ids of the servers. */
export const serverIds = (lab: Checkout): ByNode =>
  Object.fromEntries(servers(lab).map(({ urn, id }) => [nameOf(urn), id ?? ""]));

/** Public addresses of the servers. */
export const publicIps = (lab: Checkout): ByNode =>
  Object.fromEntries(
    servers(lab).map(({ urn, outputs }) => [nameOf(urn), String(plainProperties(outputs)["ipv4Address"])]),
  );
