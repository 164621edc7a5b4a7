/** What of a lab can be seen on the host. */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import type { LabContext } from "../../../lab/context.ts";
import { findCgroups } from "../../../lab/machines/cgroups.ts";
import { identify, networkNamespace } from "../../../lab/machines/processes.ts";

/** Lock files and folders of systemd-nspawn, by what is in its part of /run. */
export function nspawnFiles(): readonly string[] {
  const dir = "/run/systemd/nspawn";
  return existsSync(dir) ? readdirSync(dir, { recursive: true }).map(String).sort() : [];
}

/** Processes, mounts and control groups of a lab, one line each. Empty: it has left nothing. */
export function traces(ctx: LabContext, namespace?: string): readonly string[] {
  // Not those that have ended and wait for their parent.
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name) && identify(Number(name)));
  const of = (pid: string, file: string) => {
    try {
      return readFileSync(`/proc/${pid}/${file}`, "utf8");
    } catch {
      return "";
    }
  };
  return [
    ...findCgroups(ctx.cgroupName).map((dir) => `control group ${dir}`),
    ...pids.filter((pid) => of(pid, "cgroup").includes(ctx.cgroupName)).map((pid) => `process ${pid}`),
    ...pids.filter((pid) => of(pid, "cmdline").includes(ctx.cgroupName)).map((pid) => `supervisor ${pid}`),
    ...pids
      .filter((pid) => namespace !== undefined && networkNamespace(Number(pid)) === namespace)
      .map((pid) => `process ${pid} in ${namespace}`),
    ...pids.filter((pid) => of(pid, "mountinfo").includes(ctx.dir)).map((pid) => `mounts seen by ${pid}`),
    ...hostLinks()
      .filter((link) => /^(pub|net\d+)(-|$)/.test(link))
      .map((link) => `link ${link}`),
  ];
}

function hostLinks(): readonly string[] {
  const links = JSON.parse(execFileSync("ip", ["-json", "link"], { encoding: "utf8" })) as {
    ifname: string;
  }[];
  return links.map(({ ifname }) => ifname);
}
