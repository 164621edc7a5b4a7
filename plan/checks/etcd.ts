/** Checks of etcd's settings. */
import { quantityBytes } from "../../lib/quantity.ts";
import { compareVersions, minorOf } from "../../lib/version.ts";
import { etcdTimers } from "../timers.ts";
import { VERSIONS } from "../versions.ts";
import type { Check } from "./check.ts";

const etcdVersion: Check = ({ etcd }) => {
  if (!etcd) return [];
  const field = "gardenos:etcd.version";
  const fix = `pulumi config set --path 'gardenos:etcd.version' ${VERSIONS.etcd}`;
  if (compareVersions(etcd.version, VERSIONS.etcdFloor) < 0) {
    const want = `${VERSIONS.etcdFloor} or newer: older ones leak across users of a shared etcd`;
    return [{ field, got: etcd.version, want, fix }];
  }
  if (minorOf(etcd.version) !== minorOf(VERSIONS.etcd)) {
    return [
      { field, got: etcd.version, want: `a ${minorOf(VERSIONS.etcd)} release, the line tested here`, fix },
    ];
  }
  return [];
};

const electionTime: Check = ({ etcd, topology }) => {
  if (!etcd || !topology) return [];
  const { heartbeatMs, electionMs } = etcdTimers({ etcd, topology });
  if (electionMs >= 5 * heartbeatMs) return [];
  const want = `at least five heartbeats (${5 * heartbeatMs}), or etcd refuses to start`;
  const fix = `pulumi config set --path 'gardenos:etcd.electionMs' ${10 * heartbeatMs}`;
  return [{ field: "gardenos:etcd.electionMs", got: electionMs, want, fix }];
};

const etcdQuota: Check = ({ etcd }) => {
  if (!etcd) return [];
  const bytes = quantityBytes(etcd.quota);
  if (bytes >= quantityBytes("256Mi") && bytes <= quantityBytes("8Gi")) return [];
  const want = "from 256Mi, room for Kubernetes at rest, to 8Gi, etcd's suggested maximum";
  const fix = "pulumi config set --path 'gardenos:etcd.quota' 4Gi";
  return [{ field: "gardenos:etcd.quota", got: etcd.quota, want, fix }];
};

export const ETCD_CHECKS: readonly Check[] = [etcdVersion, electionTime, etcdQuota];
