/** A stack that the Pulumi CLI deployed: exports from its state, machines from Hetzner's API, nodes by OpenSSH. */
import { execFile, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { StackExports } from "../exports.ts";
import { repositoryPath } from "../lib/repository-file.ts";
import { nodeOf, type OpsAccess } from "./access.ts";
import { type HetznerApi, serverStates, targetHealth } from "./hetzner.ts";
import { isInteractive, sshArgv, trustHostKeys } from "./ssh.ts";

const HETZNER = "https://api.hetzner.cloud/v1";
/** A node that hangs must not hang the tool. */
const TIMEOUT_SECONDS = 120;

const execute = promisify(execFile);

/** Runs `body` with access to a stack. @param stack default: the one that is selected */
export async function withProduction(
  stack: string | undefined,
  body: (access: OpsAccess) => Promise<number>,
): Promise<number> {
  const exports = await readExports(stack);
  const api = await readApi(stack);
  const scratch = mkdtempSync(join(tmpdir(), "gardenos-ops-"));
  try {
    const knownHosts = join(scratch, "known_hosts");
    trustHostKeys(knownHosts, exports.nodes);
    return await body(productionAccess(exports, api, knownHosts));
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

function productionAccess(exports: StackExports, api: HetznerApi, knownHosts: string): OpsAccess {
  return {
    self: "npm run -s ops --",
    exports,
    serverState: serverStates(api),
    targetHealth: () => targetHealth(api, exports),
    terminal: (key, command) => {
      const login = { knownHosts, terminal: isInteractive() };
      const [file, ...args] = sshArgv(login, nodeOf(exports.nodes, key).publicIp, [command]);
      const child = spawn(file, args, { stdio: "inherit" });
      return new Promise((resolve, reject) => {
        child.once("error", reject);
        child.once("exit", (code) => resolve(code ?? 1));
      });
    },
    run: async (key, command) => {
      const remote = ["timeout", String(TIMEOUT_SECONDS), command];
      const [file, ...args] = sshArgv({ knownHosts }, nodeOf(exports.nodes, key).publicIp, remote);
      const { stdout } = await execute(file, args).catch((error: { stderr?: string; message: string }) => {
        throw new Error(`${key}: ${error.stderr?.trim() || error.message}`);
      });
      return stdout;
    },
  };
}

async function readExports(stack: string | undefined): Promise<StackExports> {
  const text = await pulumi(stack, ["stack", "output", "--json", "--show-secrets"]);
  return { nodes: {}, ...JSON.parse(text) };
}

/** The token and the endpoint are the program's own; the environment goes first, as with the provider. */
async function readApi(stack: string | undefined): Promise<HetznerApi> {
  const configured = (key: string) => pulumi(stack, ["config", "get", key]).catch(() => "");
  const token = process.env["HCLOUD_TOKEN"] || (await configured("hcloud:token")).trim();
  if (token === "") {
    throw new Error(
      "no token for Hetzner's API: set HCLOUD_TOKEN, or run `npm run pulumi -- config set --secret hcloud:token`",
    );
  }
  return { url: (await configured("hcloud:endpoint")).trim() || HETZNER, token };
}

async function pulumi(stack: string | undefined, args: readonly string[]): Promise<string> {
  const argv = [...args, ...(stack ? ["--stack", stack] : []), "--non-interactive"];
  const options = { cwd: repositoryPath("."), maxBuffer: 64 * 2 ** 20 };
  const { stdout } = await execute("pulumi", argv, options).catch((error: Error & { stderr?: string }) => {
    const missing = "code" in error && error.code === "ENOENT";
    const why = missing ? "there is no `pulumi` on the PATH" : error.stderr?.trim() || error.message;
    throw new Error(`pulumi ${args.slice(0, 2).join(" ")}: ${why}`);
  });
  return stdout;
}
