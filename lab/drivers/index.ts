/** The lab's stand-ins for the Pulumi provider plugins that the program uses. */
import type { Driver } from "../engine/driver.ts";
import { command } from "./command/index.ts";
import { hcloud } from "./hcloud/index.ts";
import { kubernetes } from "./kubernetes/index.ts";
import { random } from "./random.ts";
import { tls } from "./tls/index.ts";

/** Drivers by package name, the first part of a type token. */
export const drivers: Readonly<Record<"random" | "tls" | "hcloud" | "command" | "kubernetes", Driver>> = {
  random,
  tls,
  hcloud,
  command,
  kubernetes,
};
