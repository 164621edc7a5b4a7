import * as pulumi from "@pulumi/pulumi";
import { shortHash } from "../../lib/sha256.ts";

/** Of the texts that pods read when they start: another one replaces the pods. Plain even of secrets: nobody finds one by it. */
export const configHash = (texts: readonly pulumi.Input<string>[]): pulumi.Output<string> =>
  pulumi.unsecret(pulumi.all([...texts]).apply((known) => shortHash(known.join("\n"))));
