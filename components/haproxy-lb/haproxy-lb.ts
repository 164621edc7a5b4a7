import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { readRepositoryFile } from "../../lib/repository-file.ts";
import { HAPROXY_PACKAGES } from "../../plan/packages.ts";
import { applyBundle, type Bundle } from "../host/index.ts";
import type { HaproxyLbArgs, HaproxyNodeArgs } from "./args.ts";
import {
  DRAIN_LIST,
  EMPTY_DRAIN_LIST,
  FOLDER,
  PEM,
  renderDropIn,
  renderHaproxyConfig,
  renderPem,
} from "./render.ts";

const STATS_USER = "gardenos";
const DROP_IN = "/etc/systemd/system/haproxy.service.d/gardenos.conf";

/**
 * HAProxy on every node: one address for the API servers of all nodes, and the way in to the ingress. Nodes are
 * configured at once: a new configuration is checked first and then taken over without closing a port or a connection.
 */
export class HaproxyLb extends pulumi.ComponentResource {
  /** User that reads statistics and metrics. */
  readonly statsUser: string = STATS_USER;
  /** Secret. */
  readonly statsPassword: pulumi.Output<string>;
  /** Depending on these means depending on a HAProxy that runs on every node. Its backends may still be down. */
  readonly ready: readonly pulumi.Resource[];

  private readonly args: HaproxyLbArgs;

  constructor(name: string, args: HaproxyLbArgs, opts?: pulumi.ComponentResourceOptions) {
    super("gardenos:infra:HaproxyLb", name, {}, opts);
    this.args = args;
    const password = new random.RandomPassword(
      `${name}-stats-password`,
      { length: 40, special: false },
      { parent: this },
    );
    this.statsPassword = password.result;
    this.ready = Object.entries(args.nodes).map(([key, node]) =>
      applyBundle(
        `${name}-${key}`,
        { host: node.host, bundle: this.bundle(node) },
        { parent: this, dependsOn: [...node.after] },
      ),
    );
    this.registerOutputs({ statsUser: this.statsUser });
  }

  private configFor(ip: string): pulumi.Output<string> {
    const { servers, access, settings, ingress, postgres } = this.args;
    const nodes = Object.entries(this.args.nodes).map(([key, node]) => ({ key, ip: node.ip }));
    return this.statsPassword.apply((password) =>
      renderHaproxyConfig({
        ip,
        nodes,
        servers: nodes.filter(({ key }) => servers.includes(key)),
        access,
        settings,
        ingress,
        postgres,
        stats: { user: STATS_USER, password },
      }),
    );
  }

  /** HAProxy reads everything as root before it drops its rights, so nobody else needs to. */
  private bundle({ ip }: HaproxyNodeArgs): Bundle<pulumi.Input<string>> {
    const { apiCheck, apiCaChain, statsCertificate } = this.args.pki;
    const { postgres } = this.args;
    const pem = ({ cert, key }: typeof apiCheck) =>
      pulumi.all([cert, key]).apply((pair) => renderPem(...pair));
    return {
      name: "haproxy",
      packages: HAPROXY_PACKAGES,
      files: [
        { path: `${FOLDER}/haproxy.cfg`, mode: "0600", content: this.configFor(ip) },
        { path: PEM.apiCheck, mode: "0600", content: pem(apiCheck) },
        { path: PEM.apiCa, content: apiCaChain },
        ...(postgres ? [{ path: PEM.postgresCa, content: postgres.caPem }] : []),
        { path: PEM.stats, mode: "0600", content: pem(statsCertificate) },
        { path: DRAIN_LIST, content: EMPTY_DRAIN_LIST, seed: true },
        { path: DROP_IN, content: renderDropIn(ip) },
        {
          path: "/usr/local/lib/gardenos/haproxy-node",
          mode: "0755",
          content: readRepositoryFile("files/haproxy/haproxy-node.sh"),
        },
      ],
      units: [
        // The package starts HAProxy before the addition to its unit is there.
        { name: "haproxy.service", action: "restart", watches: [DROP_IN] },
        { name: "haproxy.service", action: "reload", watches: [FOLDER] },
      ],
      hooks: {
        validate: readRepositoryFile("files/haproxy/validate.sh"),
        health: readRepositoryFile("files/haproxy/health.sh"),
        healthTimeout: 20,
      },
    };
  }
}
