/**
 * Studio behind the gateway: by a host name of its own, and by a password before everything, because it may do anything and asks nobody
 * who they are. Pure.
 */
import { createHash } from "node:crypto";

export const STUDIO_USER = "studio";

const FILTER = "envoy.filters.http.basic_auth";
const type = (name: string) => ({ "@type": `type.googleapis.com/envoy.extensions.filters.http.${name}` });

/** As htpasswd has it. Envoy reads no other hash; nobody finds 32 random characters by this one. */
function users(password: string): object {
  const hash = createHash("sha1").update(password).digest("base64");
  return { users: { inline_string: `${STUDIO_USER}:{SHA}${hash}\n` } };
}

/** Off but where a host turns it on. @param password secret */
export const passwordFilter = (password: string): object => ({
  name: FILTER,
  disabled: true,
  typed_config: { ...type("basic_auth.v3.BasicAuth"), ...users(password) },
});

/** @param others what turns other filters off, by their names */
export const studioHost = (host: string, password: string, others: object): object => ({
  name: "studio",
  domains: [host],
  typed_per_filter_config: {
    ...others,
    [FILTER]: { ...type("basic_auth.v3.BasicAuthPerRoute"), ...users(password) },
  },
  // Studio has no use for the password.
  request_headers_to_remove: ["authorization"],
  routes: [{ match: { prefix: "/" }, route: { cluster: "studio", timeout: "300s" } }],
});
