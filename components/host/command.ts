/** The only place that makes `@pulumi/command` resources: one for a bundle, one for a step. */
import { remote } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { renderEnv } from "../../lib/env-file.ts";
import { type Bundle, renderPayload, renderScript } from "./bundle.ts";
import type { NodeHost } from "./node-host.ts";

interface ScriptArgs {
  readonly host: NodeHost;
  /** Shown in previews and kept in the state in clear: never a secret. */
  readonly script: pulumi.Input<string>;
  /** What an update runs. @default - `script` again, which is the provider's default too */
  readonly update?: pulumi.Input<string>;
  /** The way in for secrets. */
  readonly stdin?: pulumi.Input<string>;
}

/** Scripts are idempotent, so updating is creating again; nothing is ever undone by a delete. */
function runScript(name: string, args: ScriptArgs, opts: pulumi.CustomResourceOptions): remote.Command {
  return new remote.Command(
    name,
    {
      connection: args.host.connection,
      create: args.script,
      ...(args.update !== undefined && { update: args.update }),
      ...(args.stdin !== undefined && { stdin: pulumi.secret(args.stdin) }),
      addPreviousOutputInEnv: false,
    },
    opts,
  );
}

/** Applies a bundle to a node: named `<bundle>` within its parent, which must make it unique. */
export function applyBundle(
  name: string,
  args: { readonly host: NodeHost; readonly bundle: Bundle<pulumi.Input<string>> },
  opts: pulumi.CustomResourceOptions,
): remote.Command {
  const bundle: pulumi.Output<Bundle> = pulumi.output(args.bundle) as pulumi.Output<Bundle>;
  const script = pulumi.all([bundle, args.host.serverId]).apply(([b, id]) => renderScript(b, id));
  return runScript(
    name,
    // The text holds checksums of files, never their content, so it may be read in a preview.
    { host: args.host, script: pulumi.unsecret(script), stdin: bundle.apply(renderPayload) },
    opts,
  );
}

/**
 * Runs a script once on each new server, and never again on the same one whatever changes: for the step that uses
 * the one-time host key, which is gone afterwards. A new server id replaces the resource, and a replacement takes
 * today's values of everything that is ignored otherwise.
 */
export function runOncePerServer(
  name: string,
  args: Pick<StepArgs, "host" | "script" | "stdin">,
  opts: pulumi.CustomResourceOptions,
): remote.Command {
  return new remote.Command(
    name,
    {
      connection: args.host.connection,
      create: `# step ${name}\n\n${args.script}`,
      ...(args.stdin !== undefined && { stdin: pulumi.secret(args.stdin) }),
      addPreviousOutputInEnv: false,
      triggers: [args.host.serverId],
    },
    { ...opts, ignoreChanges: ["connection", "create", "stdin", "addPreviousOutputInEnv"] },
  );
}

export interface StepArgs {
  readonly host: NodeHost;
  /** Text of a static script. */
  readonly script: string;
  /** Variables the script reads; part of the preview, so never a secret. */
  readonly env?: Readonly<Record<string, pulumi.Input<string>>>;
  /** Variables of the update run that differ from those of the first. */
  readonly updateEnv?: Readonly<Record<string, pulumi.Input<string>>>;
  readonly stdin?: pulumi.Input<string>;
}

function stepScript(step: string, args: StepArgs, env: StepArgs["env"]): pulumi.Output<string> {
  return pulumi
    .all([args.host.serverId, pulumi.output(env ?? {})])
    .apply(([id, vars]) => `# step ${step}\n# server ${id}\n${renderEnv(vars)}\n${args.script}`);
}

/** Runs one script on a node when it is new, when the server is new, or when one of its variables changes. */
export function runStep(name: string, args: StepArgs, opts: pulumi.CustomResourceOptions): remote.Command {
  return runScript(
    name,
    {
      host: args.host,
      script: stepScript(name, args, args.env),
      ...(args.updateEnv && { update: stepScript(name, args, { ...args.env, ...args.updateEnv }) }),
      ...(args.stdin !== undefined && { stdin: args.stdin }),
    },
    opts,
  );
}
