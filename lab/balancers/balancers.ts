/** The lab's load balancers: HAProxy on addresses of the lab's network name space. */
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import pLimit from "p-limit";
import type { BalancerSpec, Balancers, TargetHealth } from "../cloud/balancers.ts";
import type { LabNetwork } from "../network/network.ts";
import { Haproxy } from "./process.ts";

export interface HaproxyBalancersOptions {
  /** A folder per load balancer is made in it. */
  readonly dir: string;
  readonly network: Pick<LabNetwork, "setBalancer" | "removeBalancer">;
  /** One line for the daemon's log. */
  log(line: string): void;
}

interface Running {
  readonly haproxy: Haproxy;
  /** Undefined: as it was told last has failed. */
  spec: BalancerSpec | undefined;
}

export class HaproxyBalancers implements Balancers {
  readonly #options: HaproxyBalancersOptions;
  readonly #running = new Map<number, Running>();
  readonly #queue = pLimit(1);

  constructor(options: HaproxyBalancersOptions) {
    this.#options = options;
  }

  set(wanted: readonly BalancerSpec[]): Promise<void> {
    return this.#queue(async () => {
      const ids = new Set(wanted.map(({ id }) => id));
      for (const id of [...this.#running.keys()].filter((one) => !ids.has(one))) await this.#remove(id);
      for (const spec of wanted) await this.#apply(spec);
    });
  }

  async health(id: number): Promise<readonly TargetHealth[]> {
    return (
      (await this.#running
        .get(id)
        ?.haproxy.health()
        .catch(() => [])) ?? []
    );
  }

  /** Ends all with their connections. */
  async close(): Promise<void> {
    await this.set([]);
  }

  async #apply(spec: BalancerSpec): Promise<void> {
    const { dir, network, log } = this.#options;
    const known = this.#running.get(spec.id);
    if (known && isDeepStrictEqual(known.spec, spec)) return;
    const running = known ?? { haproxy: new Haproxy(join(dir, String(spec.id)), log), spec: undefined };
    this.#running.set(spec.id, running);
    running.spec = undefined;
    await network.setBalancer(spec);
    await running.haproxy.apply(spec);
    running.spec = spec;
  }

  async #remove(id: number): Promise<void> {
    await this.#running.get(id)?.haproxy.stop();
    this.#running.delete(id);
    await this.#options.network.removeBalancer(id);
  }
}
