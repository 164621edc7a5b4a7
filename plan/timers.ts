import type { Settings } from "../config/schema.ts";

/** Heartbeat and election time-out of etcd, the same on all members. */
export interface EtcdTimers {
  readonly heartbeatMs: number;
  readonly electionMs: number;
}

/**
 * By the round trip between members: etcd wants a heartbeat of about one and an election of ten or more.
 * Within one location it is below 1 ms, between the European ones about 25 ms. multi-zone is for a later release.
 */
const BY_TOPOLOGY: Readonly<Record<Settings["topology"], EtcdTimers>> = {
  "single-zone": { heartbeatMs: 100, electionMs: 1000 },
  "eu-spread": { heartbeatMs: 100, electionMs: 1500 },
  "multi-zone": { heartbeatMs: 200, electionMs: 2000 },
};

/** The timers in force: what is configured, completed by the topology's. */
export function etcdTimers({ topology, etcd }: Pick<Settings, "topology" | "etcd">): EtcdTimers {
  const usual = BY_TOPOLOGY[topology];
  return {
    heartbeatMs: etcd.heartbeatMs ?? usual.heartbeatMs,
    electionMs: etcd.electionMs ?? usual.electionMs,
  };
}
