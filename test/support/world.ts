/** What components of Kubernetes expect to be there, for tests of one component. Make them within `record`. */
import * as pulumi from "@pulumi/pulumi";

class Provider extends pulumi.ProviderResource {}
class Gate extends pulumi.CustomResource {}

/** A provider of the cluster's objects. */
export const clusterProvider = (): pulumi.ProviderResource => new Provider("kubernetes", "cluster", {});

/** Something that comes before. */
export const gate = (name = "gate"): pulumi.CustomResource => new Gate("test:index:Gate", name);
