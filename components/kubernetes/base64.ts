import * as pulumi from "@pulumi/pulumi";

/** A text as `data` of a Secret has it. As secret as the text is. */
export const base64 = (text: pulumi.Input<string>): pulumi.Output<string> =>
  pulumi.output(text).apply((plain) => Buffer.from(plain).toString("base64"));
