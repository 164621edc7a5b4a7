/** Runs witness.py on a node while something else happens, and judges what it saw. */
import { readRepositoryFile } from "../../../lib/repository-file.ts";
import { eventually } from "../../machines/support/eventually.ts";
import { type Checkout, finished, type Outcome } from "./checkout.ts";
import { clientFiles, installClient, NODES, PRIVATE_IPS, patroniPassword, root } from "./etcd.ts";

/** Witness's own words; see witness.py. */
export interface Testimony {
  /** Numbers of the keys whose write was acknowledged. */
  readonly acknowledged: readonly number[];
  readonly longestGapSeconds: number;
  readonly endpoints: readonly {
    readonly address: string;
    readonly acknowledged: number;
    /** Failed attempts by reason. */
    readonly failures: Readonly<Record<string, number>>;
  }[];
  readonly health: readonly { readonly member: string; readonly healthy: boolean; readonly at: number }[];
  readonly seconds: number;
  readonly timeWasUp: boolean;
}

const PREFIX = "/service/witness/";
const DIR = "/run/witness";
const LONGEST_RUN_SECONDS = 300;

export class Witness {
  private readonly lab: Checkout;
  private readonly end: Promise<Outcome>;

  private constructor(lab: Checkout, end: Promise<Outcome>) {
    this.lab = lab;
    this.end = end;
  }

  /** Answers when the first write is acknowledged. */
  static async start(lab: Checkout): Promise<Witness> {
    const { ca, cert, key } = clientFiles("patroni");
    const addresses = Object.values(PRIVATE_IPS);
    await installClient(lab, "patroni");
    const settings = {
      endpoints: addresses.map((ip) => `${ip}:2379`),
      health: Object.fromEntries(NODES.map((node) => [node, `http://${PRIVATE_IPS[node]}:2381/health`])),
      user: "patroni",
      password: patroniPassword(lab),
      ca,
      cert,
      key,
      prefix: PREFIX,
      stop: `${DIR}/stop`,
      seconds: LONGEST_RUN_SECONDS,
    };
    await lab.put("n1", {
      [`${DIR}/witness.py`]: readRepositoryFile("test/e2e/support/witness.py"),
      [`${DIR}/settings.json`]: JSON.stringify(settings),
    });
    await root(lab, `rm -f ${DIR}/stop; etcdctl del --prefix ${PREFIX}`);
    const end = finished(lab.start("ssh", "n1", `python3 ${DIR}/witness.py ${DIR}/settings.json`));
    await eventually(async () => {
      const keys = await root(lab, `etcdctl get --prefix ${PREFIX} --keys-only`);
      if (keys === "") throw new Error("the witness has written nothing");
    });
    return new Witness(lab, end);
  }

  async stop(): Promise<Testimony> {
    await this.lab.must("ssh", "n1", `touch ${DIR}/stop`);
    const { code, stdout, all } = await this.end;
    if (code !== 0) throw new Error(`the witness ended with ${code}:\n${all}`);
    const testimony: Testimony = JSON.parse(stdout);
    if (testimony.timeWasUp) throw new Error(`the witness looked away after ${LONGEST_RUN_SECONDS} s`);
    return testimony;
  }

  /** Numbers that were acknowledged and are not there, or not with their value. */
  async lost({ acknowledged }: Testimony): Promise<readonly number[]> {
    const lines = (await root(this.lab, `etcdctl get --prefix ${PREFIX}`)).split("\n");
    const kept = new Set(
      lines.flatMap((line, i) =>
        line.startsWith(PREFIX) && Number(line.slice(PREFIX.length)) === Number(lines[i + 1])
          ? [Number(lines[i + 1])]
          : [],
      ),
    );
    return acknowledged.filter((number) => !kept.has(number));
  }
}

/** When a member that stopped at a time was healthy again: seconds of CLOCK_MONOTONIC. Never seen: infinity. */
export function recovery({ health }: Testimony, member: string, stopped: number): number {
  const back = health.find((change) => change.member === member && change.healthy && change.at > stopped);
  return back?.at ?? Number.POSITIVE_INFINITY;
}
