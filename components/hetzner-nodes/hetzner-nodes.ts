import * as hcloud from "@pulumi/hcloud";
import * as pulumi from "@pulumi/pulumi";
import * as tls from "@pulumi/tls";
import type { NodePlan } from "../../plan/plan.ts";
import type { FreshHost, NodeHost } from "../host/index.ts";
import type { HetznerNodesArgs } from "./args.ts";
import { firewallRules, renderUserData } from "./render.ts";

/** A node as the rest of the program sees it. */
export interface Node {
  readonly serverId: pulumi.Output<string>;
  readonly name: pulumi.Output<string>;
  readonly publicIp: pulumi.Output<string>;
  readonly privateIp: pulumi.Output<string>;
  readonly location: pulumi.Output<string>;
  /** Final SSH host key, one line of a known_hosts file without the host. */
  readonly hostKey: pulumi.Output<string>;
}

/** Resources that all servers share. */
interface Shared {
  readonly sshKey: hcloud.SshKey;
  readonly firewall: hcloud.Firewall;
  readonly subnet: hcloud.NetworkSubnet;
  readonly placementGroups: Readonly<Record<string, hcloud.PlacementGroup>>;
}

/** Create-only properties: a changed one must never rebuild or power-cycle a member of a quorum (N4). */
const CREATE_ONLY = ["userData", "image", "sshKeys", "serverType", "location", "placementGroupId"];

const toNumber = (id: pulumi.Output<string>): pulumi.Output<number> => id.apply(Number);

/**
 * Servers from typed configuration, with a private network, a firewall, spread placement and known SSH host keys.
 */
export class HetznerNodes extends pulumi.ComponentResource {
  readonly nodes: Readonly<Record<string, Node>>;
  /** The same nodes as something to run commands on. */
  readonly hosts: Readonly<Record<string, FreshHost>>;
  /** The private network's subnet, as other resources attach to it; its id is a network. */
  readonly subnet: hcloud.NetworkSubnet;
  /** Public key that the program logs in with. */
  readonly deployKey: pulumi.Output<string>;

  private readonly args: HetznerNodesArgs;
  private readonly key: tls.PrivateKey;
  private readonly shared: Shared;

  constructor(name: string, args: HetznerNodesArgs, opts?: pulumi.ComponentResourceOptions) {
    super("gardenos:infra:HetznerNodes", name, {}, opts);
    this.args = args;
    this.key = new tls.PrivateKey(`${name}-deploy-key`, { algorithm: "ED25519" }, { parent: this });
    this.deployKey = this.key.publicKeyOpenssh;
    this.shared = this.createShared(name);
    this.subnet = this.shared.subnet;
    const made = Object.values(args.nodes).map((node) => [node.key, this.createNode(node)] as const);
    this.nodes = Object.fromEntries(made.map(([key, { node }]) => [key, node]));
    this.hosts = Object.fromEntries(made.map(([key, { fresh }]) => [key, fresh]));
    this.registerOutputs({ nodes: this.nodes });
  }

  node(key: string): Node {
    const node = this.nodes[key];
    if (!node) throw new pulumi.ResourceError(`nodes: there is no ${key}`, this, true);
    return node;
  }

  host(key: string): FreshHost {
    const host = this.hosts[key];
    if (!host) throw new pulumi.ResourceError(`nodes: there is no ${key}`, this, true);
    return host;
  }

  private createShared(name: string): Shared {
    const { prefix, labels, network, access, protect } = this.args;
    const parent = { parent: this };
    const sshKey = new hcloud.SshKey(
      `${name}-deploy-key`,
      { name: `${prefix}-deploy`, publicKey: this.deployKey.apply((key) => key.trim()), labels },
      parent,
    );
    const net = new hcloud.Network(
      `${name}-network`,
      { name: prefix, ipRange: network.cidr, labels, deleteProtection: protect },
      { ...parent, protect },
    );
    const subnet = new hcloud.NetworkSubnet(
      `${name}-subnet`,
      { networkId: toNumber(net.id), type: "cloud", networkZone: network.zone, ipRange: network.subnetCidr },
      { ...parent, protect },
    );
    const firewall = new hcloud.Firewall(
      `${name}-firewall`,
      { name: prefix, rules: firewallRules(access), labels },
      parent,
    );
    return { sshKey, firewall, subnet, placementGroups: this.createPlacementGroups(name) };
  }

  /** A spread group holds servers of one location apart; groups don't reach across locations. */
  private createPlacementGroups(name: string): Shared["placementGroups"] {
    const locations = [...new Set(Object.values(this.args.nodes).map((node) => node.location))];
    return Object.fromEntries(
      locations.map((location) => [
        location,
        new hcloud.PlacementGroup(
          `${name}-spread-${location}`,
          { name: `${this.args.prefix}-${location}`, type: "spread", labels: { ...this.args.labels } },
          { parent: this },
        ),
      ]),
    );
  }

  private createNode(plan: NodePlan): { readonly node: Node; readonly fresh: FreshHost } {
    const bootstrap = new tls.PrivateKey(
      `${plan.key}-bootstrap-host-key`,
      { algorithm: "ECDSA", ecdsaCurve: "P256" },
      { parent: this },
    );
    const hostKey = new tls.PrivateKey(`${plan.key}-host-key`, { algorithm: "ED25519" }, { parent: this });
    const server = this.createServer(plan, bootstrap);
    const attachment = new hcloud.ServerNetwork(
      `${plan.key}-private`,
      { serverId: toNumber(server.id), subnetId: this.shared.subnet.id, ip: plan.privateIp },
      { parent: this, deleteBeforeReplace: true },
    );
    const host = (pinned: tls.PrivateKey): NodeHost => ({
      key: plan.key,
      serverId: server.id,
      connection: this.connect(server, pinned),
    });
    return {
      node: {
        serverId: server.id,
        name: server.name,
        publicIp: server.ipv4Address,
        privateIp: attachment.ip,
        location: server.location,
        hostKey: hostKey.publicKeyOpenssh.apply((key) => key.trim()),
      },
      fresh: {
        bootstrap: host(bootstrap),
        host: host(hostKey),
        hostKey: hostKey.privateKeyOpenssh,
        attachment,
      },
    };
  }

  private createServer(plan: NodePlan, bootstrap: tls.PrivateKey): hcloud.Server {
    const { protect, labels, image } = this.args;
    const { sshKey, firewall, subnet, placementGroups } = this.shared;
    const group = placementGroups[plan.location];
    return new hcloud.Server(
      plan.key,
      {
        name: plan.serverName,
        serverType: plan.serverType,
        image,
        location: plan.location,
        sshKeys: [sshKey.id],
        userData: pulumi.secret(
          pulumi
            .all([bootstrap.privateKeyOpenssh, bootstrap.publicKeyOpenssh])
            .apply(([privateKey, publicKey]) => renderUserData({ privateKey, publicKey })),
        ),
        firewallIds: [toNumber(firewall.id)],
        ...(group && { placementGroupId: toNumber(group.id) }),
        publicNets: [{ ipv4Enabled: true, ipv6Enabled: false }],
        labels: { ...plan.labels, ...labels, node: plan.key },
        deleteProtection: protect,
        rebuildProtection: protect,
      },
      { parent: this, protect, deleteBeforeReplace: true, dependsOn: subnet, ignoreChanges: CREATE_ONLY },
    );
  }

  private connect(server: hcloud.Server, pinned: tls.PrivateKey): NodeHost["connection"] {
    return {
      host: server.ipv4Address,
      user: "root",
      privateKey: this.key.privateKeyOpenssh,
      hostKey: pinned.publicKeyOpenssh.apply((key) => key.trim()),
      // A fresh server needs a while until sshd answers.
      dialErrorLimit: 30,
    };
  }
}
