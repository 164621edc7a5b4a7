/** Load balancers that only remember what they were told, and are as healthy as the test says. */
import type { BalancerSpec, Balancers, TargetHealth } from "../../../lab/cloud/balancers.ts";

export class RecordingBalancers implements Balancers {
  /** The last ones asked for. */
  wanted: readonly BalancerSpec[] = [];
  /** By load balancer's id. */
  readonly states = new Map<number, readonly TargetHealth[]>();
  #failure: string | undefined;

  /** The next change is rejected. */
  failNext(message: string): void {
    this.#failure = message;
  }

  async set(wanted: readonly BalancerSpec[]): Promise<void> {
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw new Error(failure);
    this.wanted = wanted;
  }

  async health(id: number): Promise<readonly TargetHealth[]> {
    return this.states.get(id) ?? [];
  }
}
