/** Makes the resources that the configuration value `demo:world` lists. */
import * as pulumi from "@pulumi/pulumi";
import type { Item } from "../support/world.ts";
import { Thing } from "./thing.ts";

class Group extends pulumi.ComponentResource {
  constructor(name: string, items: readonly Item[]) {
    super("demo:group:Group", name);
    for (const item of items) make(item, this);
    this.registerOutputs({ members: items.length });
  }
}

const config = new pulumi.Config();
const items = config.requireObject<readonly Item[]>("world");
const made = new Map<string, Thing>();

function make(item: Item, parent?: pulumi.Resource): void {
  const inputs: Record<string, unknown> = { ...item.inputs };
  for (const [key, value] of Object.entries(item.secrets ?? {})) inputs[key] = pulumi.secret(value);
  for (const [key, name] of Object.entries(item.refs ?? {})) inputs[key] = made.get(name)?.id;
  for (const [key, name] of Object.entries(item.tokens ?? {})) inputs[key] = made.get(name)?.token;
  const { dependsOn = [], aliases = [], deletedWith: _unused, ...options } = item.options ?? {};
  made.set(
    item.name,
    new Thing(item.name, inputs, {
      ...options,
      dependsOn: dependsOn.flatMap((name) => made.get(name) ?? []),
      aliases: aliases.map((name) => ({ name })),
      ...(parent && { parent }),
    }),
  );
}

for (const item of items.filter(({ group }) => group === undefined)) make(item);
for (const group of new Set(items.flatMap((item) => item.group ?? []))) {
  new Group(
    group,
    items.filter((item) => item.group === group),
  );
}

console.log(`the program runs in ${pulumi.getStack()}`);
export const names = items.map(({ name }) => name);
export const password = config.getSecret("password");
