/** The resource type of the tests' cloud. Its outputs: all inputs, and `token`. */
import * as pulumi from "@pulumi/pulumi";

export class Thing extends pulumi.CustomResource {
  declare readonly token: pulumi.Output<string>;
  declare readonly size: pulumi.Output<number>;

  constructor(name: string, args: Record<string, unknown>, opts?: pulumi.CustomResourceOptions) {
    super(
      "test:index/thing:Thing",
      name,
      { token: undefined, size: undefined, ...args },
      { version: "1.2.3", ...opts },
    );
  }
}
