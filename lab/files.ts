/** The lab's own small files in `.lab`: token, passphrase, the administrator's SSH key, what was decided. */
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { PROFILES } from "../config/schema.ts";
import type { LabContext } from "./context.ts";

export interface LabFiles {
  /** Token of the emulated API. Secret. */
  readonly token: string;
  /** Of the stand-in for an AI provider: the youngest key. Secret. */
  readonly aiApiKey: string;
  /** All keys that it takes, one a line, the youngest last: a line more is a key more, and a line less a key that is revoked. */
  readonly aiApiKeysFile: string;
  /** Of Supabase at the object storage. Secret. */
  readonly s3SecretAccessKey: string;
  /** Opens the state's secrets. Secret. */
  readonly passphrase: string;
  readonly sshKey: string;
  readonly knownHosts: string;
  readonly stateFile: string;
}

function readOrMake(file: string, make: () => string): string {
  if (!existsSync(file)) writeFileSync(file, make(), { mode: 0o600, flag: "wx" });
  return readFileSync(file, "utf8").trim();
}

/** In the order of their age. Secret. */
export const aiApiKeys = (file: string): readonly string[] => readFileSync(file, "utf8").trim().split(/\s+/);

/** Makes what is missing; keeps what is there. */
export function labFiles(ctx: LabContext): LabFiles {
  const sshDir = join(ctx.dir, "ssh");
  mkdirSync(sshDir, { recursive: true, mode: 0o700 });
  const sshKey = join(sshDir, "id_ed25519");
  if (!existsSync(sshKey)) {
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", sshKey]);
  }
  const aiApiKeysFile = join(ctx.dir, "ai-api-key");
  readOrMake(aiApiKeysFile, () => `sk-lab-${randomBytes(24).toString("hex")}`);
  return {
    token: readOrMake(join(ctx.dir, "token"), () => randomBytes(32).toString("hex")),
    aiApiKey: aiApiKeys(aiApiKeysFile).at(-1) ?? "",
    aiApiKeysFile,
    s3SecretAccessKey: readOrMake(join(ctx.dir, "s3-key"), () => randomBytes(24).toString("hex")),
    passphrase: readOrMake(join(ctx.dir, "passphrase"), () => randomBytes(24).toString("base64url")),
    sshKey,
    knownHosts: join(sshDir, "known_hosts"),
    stateFile: join(ctx.dir, "state.json"),
  };
}

const labChoices = z.object({
  /** Lower layer of the machines' disks: must not change under them. */
  rootfsDir: z.string().optional(),
  /** What deploys this lab: a stack's state belongs to one engine. */
  engine: z.enum(["builtin", "pulumi"]).optional(),
  /** How far it is built. */
  profile: z.enum(PROFILES).optional(),
  /** K3s, which is `kubectl`, too. */
  k3sFile: z.string().optional(),
  /** The lab's own object storage, as the configuration has it; nothing where the lab serves none. */
  storage: z.object({ program: z.string(), bucket: z.string(), region: z.string() }).optional(),
});

/** What a lab has decided for its life. */
export type LabChoices = z.output<typeof labChoices>;

const choicesFile = (ctx: LabContext): string => join(ctx.dir, "lab.json");

export function readChoices(ctx: LabContext): LabChoices {
  if (!existsSync(choicesFile(ctx))) return {};
  return labChoices.parse(JSON.parse(readFileSync(choicesFile(ctx), "utf8")));
}

export function saveChoices(ctx: LabContext, choices: LabChoices): void {
  writeFileSync(choicesFile(ctx), `${JSON.stringify(choices, null, 2)}\n`);
}
