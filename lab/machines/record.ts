/** What the hypervisor remembers of a machine across restarts of the daemon. */
import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { type LabContext, machineDir } from "../context.ts";

const Record = z.object({
  spec: z.object({
    id: z.number(),
    name: z.string(),
    publicIp: z.string(),
    image: z.string(),
    userData: z.string(),
    sshKeys: z.array(z.string()),
    /** Records of earlier versions have none. */
    memoryGb: z.number().default(8),
  }),
  cards: z.array(
    z.object({
      /** Name in the machine, for example `enp7s0`. */
      device: z.string(),
      nic: z.object({
        networkId: z.number(),
        ip: z.string(),
        ipRange: z.string(),
        gateway: z.string(),
        mac: z.string(),
      }),
    }),
  ),
  /** Absent: no firewall. */
  rules: z
    .array(
      z.object({
        protocol: z.enum(["tcp", "udp", "icmp", "esp", "gre"]),
        port: z.string().exactOptional(),
        sourceIps: z.array(z.string()),
      }),
    )
    .exactOptional(),
});

export type MachineRecord = z.infer<typeof Record>;
/** A private network card and its name in the machine. */
export type Card = MachineRecord["cards"][number];

/** User-data holds a private key, so the file is root's alone. */
export function saveRecord(ctx: LabContext, record: MachineRecord): void {
  const file = recordFile(ctx, record.spec.id);
  writeFileSync(`${file}.new`, JSON.stringify(record, undefined, 2), { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

/** All machines with a whole record. A folder without one is a creation or deletion that was cut short. */
export function loadRecords(ctx: LabContext): readonly MachineRecord[] {
  if (!existsSync(ctx.machinesDir)) return [];
  const ids = readdirSync(ctx.machinesDir)
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
  return ids
    .map((id) => recordFile(ctx, id))
    .filter(existsSync)
    .map(loadRecord);
}

function loadRecord(file: string): MachineRecord {
  try {
    return Record.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch (error) {
    throw new Error(`${file}: wanted the record of a machine, got something else; remove its folder`, {
      cause: error,
    });
  }
}

function recordFile(ctx: LabContext, id: number): string {
  return join(machineDir(ctx, id), "machine.json");
}
