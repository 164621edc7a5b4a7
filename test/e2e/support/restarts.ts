/** When members were down, by systemd's account, to show that they went one at a time. */
import type { Checkout } from "./checkout.ts";
import { onAll } from "./nodes.ts";

/** One restart of a member. Seconds of CLOCK_MONOTONIC, which all machines of one lab share. */
export interface Restart {
  readonly member: string;
  readonly stopped: number;
  readonly started: number;
}

const MICROSECONDS = 1e6;

/** The last restart of every member, the earliest first. A member that has never stopped has none. */
export async function restarts(lab: Checkout): Promise<readonly Restart[]> {
  const properties = ["ActiveExitTimestampMonotonic", "ActiveEnterTimestampMonotonic"];
  const show = properties.map((property) => `systemctl show --value -p ${property} etcd`).join("; ");
  const times = Object.entries(await onAll(lab, show));
  return times
    .map(([member, text]) => {
      const [stopped = 0, started = 0] = text.split("\n").map((value) => Number(value) / MICROSECONDS);
      return { member, stopped, started };
    })
    .filter(({ stopped }) => stopped > 0)
    .sort((a, b) => a.stopped - b.stopped);
}
