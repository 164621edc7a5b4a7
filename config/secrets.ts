/**
 * Secret configuration keys, each a key of its own so that Pulumi encrypts it and marks everything made of it.
 * None is needed yet: passwords, keys and certificates are generated and live in the stack's encrypted state.
 * The Hetzner token is the provider's: `pulumi config set --secret hcloud:token` or HCLOUD_TOKEN.
 */
export const SECRET_KEYS: readonly string[] = [];
