/** What the Hetzner Cloud emulator asks of the thing that forwards connections. The records are the emulator's. */

/** A target's state as the API names it. `unknown`: not checked yet. */
type Health = "healthy" | "unhealthy" | "unknown";

/** How a service finds out which targets work. Times are seconds. */
export interface HealthCheck {
  readonly port: number;
  readonly interval: number;
  readonly timeout: number;
  /** Failures in a row that make a target unhealthy, and successes that make it healthy again. */
  readonly retries: number;
  /** Absent: a connection is enough. */
  readonly http?: {
    readonly domain: string;
    readonly path: string;
    /** Must be in the body; empty for no matter what. */
    readonly response: string;
    /** Three characters each, `?` stands for any. */
    readonly statusCodes: readonly string[];
    readonly tls: boolean;
  };
}

export interface ServiceSpec {
  readonly listenPort: number;
  readonly destinationPort: number;
  /** Tells targets the client's address in front of its data. */
  readonly proxyProtocol: boolean;
  readonly check: HealthCheck;
}

export interface TargetSpec {
  readonly server: number;
  readonly ip: string;
  /** True: reached from the private address, else from the public one. */
  readonly isPrivate: boolean;
}

/** A load balancer as it should be. */
export interface BalancerSpec {
  readonly id: number;
  readonly publicIp: string;
  /** False: nobody is served there. */
  readonly isPublic: boolean;
  /** Its place in a private network. */
  readonly nic?: { readonly networkId: number; readonly ip: string; readonly gateway: string };
  readonly algorithm: "round_robin" | "least_connections";
  readonly services: readonly ServiceSpec[];
  readonly targets: readonly TargetSpec[];
}

export interface TargetHealth {
  readonly server: number;
  readonly listenPort: number;
  readonly health: Health;
}

export interface Balancers {
  /** Makes the lab's load balancers these and no others. Resolves when all forward as told. */
  set(wanted: readonly BalancerSpec[]): Promise<void>;
  /** Of all targets that are known to the load balancer; empty when it doesn't run. */
  health(id: number): Promise<readonly TargetHealth[]>;
}

/** Forwards nothing: for tests of the API alone. */
export const recordsOnly: Balancers = { set: async () => undefined, health: async () => [] };
