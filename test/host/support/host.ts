/** One real machine, and bundles applied to it as the program does: the rendered script by SSH, the payload on stdin. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect } from "vitest";
import { type Bundle, renderPayload, renderScript } from "../../../components/host/bundle.ts";
import { LAB_NET } from "../../../lab/addresses.ts";
import { eventually } from "../../machines/support/eventually.ts";
import { type Answer, makeTestLab } from "../../machines/support/lab.ts";

const ID = 11;
const IP = "198.51.100.11";
/** What the machine calls itself in error texts. */
export const HOSTNAME = `m${ID}`;

export interface Host {
  /** @param payload in place of the bundle's own, to send a damaged one */
  apply(bundle: Bundle, payload?: string): Promise<Answer>;
  /** Standard output of a shell command that must succeed. */
  run(command: string): Promise<string>;
  /** Puts a file on the artifact server; answers its address. */
  serve(path: string, data: Uint8Array): string;
  dispose(): Promise<void>;
}

export async function bootHost(): Promise<Host> {
  const lab = await makeTestLab();
  await lab.start();
  await lab.call("create", lab.spec(ID));
  await eventually(async () => expect(await lab.ssh(IP, "true")).toMatchObject({ status: 0 }));
  return {
    apply: (bundle, payload = renderPayload(bundle)) =>
      lab.ssh(IP, renderScript(bundle, String(ID)), { stdin: payload }),
    run: async (command) => {
      const answer = await lab.ssh(IP, command);
      if (answer.status !== 0) throw new Error(`${command}: ${answer.status} ${answer.stderr}`);
      return answer.stdout;
    },
    serve: (path, data) => {
      const file = join(dirname(lab.ctx.dir), "artifacts", path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, data);
      return `http://${LAB_NET.artifactIp}/${path}`;
    },
    dispose: () => lab.dispose(),
  };
}

export const done = (stdout: string): Answer => ({ status: 0, stdout, stderr: "" });

/** A service that notes each start and reload, with what /etc/NAME/conf then said, in /run/NAME.log. */
export function service(name: string): Bundle["files"][number] {
  const note = (what: string) => `/bin/sh -c 'echo "${what} $$(cat /etc/${name}/conf)" >>/run/${name}.log'`;
  const lines = [
    ["[Unit]", "StartLimitIntervalSec=0"],
    ["[Service]", `ExecStartPre=/usr/bin/grep -q . /etc/${name}/conf`, `ExecStartPre=${note("start")}`],
    ["ExecStart=/usr/bin/sleep infinity", `ExecReload=${note("reload")}`],
    ["[Install]", "WantedBy=multi-user.target"],
  ];
  return { path: `/etc/systemd/system/${name}.service`, content: `${lines.flat().join("\n")}\n` };
}

/** A bundle of that service with its one configuration file. */
export function serviceBundle(name: string, conf: string): Bundle {
  return {
    name,
    files: [{ path: `/etc/${name}/conf`, content: conf }, service(name)],
    units: [{ name: `${name}.service`, action: "restart" }],
  };
}

/** What the hook's text prints goes to the user; exit 1 is "no". */
export const refuse = (words: string): string => `#!/bin/sh\necho '${words}' >&2\nexit 1\n`;
