/** `machine`: servers, as Hetzner's console would handle them. */
import type { Command } from "commander";
import { destroyServer, power, serverOf } from "../api.ts";
import type { Lab } from "../lab.ts";
import { type CommandContext, inside, print } from "./context.ts";

export function addMachineCommands(program: Command, { lab, done }: CommandContext): void {
  const machine = program.command("machine").description("servers, as Hetzner's console would handle them");
  const add = (name: string, text: string, action: (lab: Lab, node: string) => Promise<string>) =>
    machine
      .command(name)
      .description(text)
      .argument("<node>")
      .action(async (node) =>
        done(
          await inside(lab, async () => {
            print(await action(lab, node));
            return 0;
          }),
        ),
      );
  add("destroy", "delete a node's server with its disk, protection or not", destroy);
  add("poweroff", "cut a machine's power; its disk stays", powerOff);
  add("poweron", "switch a machine on", powerOn);
}

async function destroy(lab: Lab, node: string): Promise<string> {
  const server = await serverOf(lab, node);
  await destroyServer(lab, server);
  return `Server ${server.name} and its disk are gone. \`make up\` makes a new one.`;
}

async function powerOff(lab: Lab, node: string): Promise<string> {
  const server = await serverOf(lab, node);
  await power(lab, server, "off");
  return `${server.name} is off. To switch it on: npm run -s lab -- machine poweron ${node}`;
}

async function powerOn(lab: Lab, node: string): Promise<string> {
  const server = await serverOf(lab, node);
  await power(lab, server, "running");
  return `${server.name} boots.`;
}
