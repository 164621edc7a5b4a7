import { Provider } from "@pulumi/kubernetes/provider.js";
import type * as pulumi from "@pulumi/pulumi";

/**
 * The one way to the cluster's objects.
 * @param kubeconfig unknown until the cluster's gate is passed, so that nothing asks an API that is not there
 * @param cluster its name; another kubeconfig of the same cluster replaces nothing
 */
export function createProvider(kubeconfig: pulumi.Input<string>, cluster: string): Provider {
  return new Provider("cluster", {
    kubeconfig,
    clusterIdentifier: cluster,
    enableServerSideApply: true,
    enableConfigMapMutable: true,
    enableSecretMutable: true,
    // What somebody changed by hand is set back, like everything else that the program owns.
    enablePatchForce: true,
    // A cluster that is down for a moment must not look like one whose objects are gone.
    skipUpdateUnreachable: true,
  });
}
