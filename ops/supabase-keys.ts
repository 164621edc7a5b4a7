/** A rotation of Supabase's keys, one step at a time, in a stack's file. Pure. */
import { parseDocument } from "yaml";

export interface Keys {
  readonly signing: string;
  readonly accepted: readonly string[];
}

/** What the stack's file says next, and what the person does then. */
export interface Step {
  readonly keys: Keys;
  readonly say: string;
}

const DEFAULTS: Keys = { signing: "k1", accepted: ["k1"] };
const PATH = ["config", "gardenos:supabase", "keys"] as const;

/** `k2` after `k1`; `k2` after a name without a number, too. */
function nextName({ accepted }: Keys): string {
  const numbers = accepted.map((name) => Number(/\d+$/.exec(name)?.[0] ?? 1));
  return `k${Math.max(...numbers) + 1}`;
}

/** @throws Error when there is a choice to make that is a person's */
export function nextStep(keys: Keys): Step {
  const { signing, accepted } = keys;
  const others = accepted.filter((name) => name !== signing);
  if (others.length === 0) {
    const name = nextName(keys);
    const say = `Every service will accept tokens by ${name}, the gateway its keys, and nobody signs by it yet. Run \`pulumi up\`, then this command again.`;
    return { keys: { signing, accepted: [...accepted, name] }, say };
  }
  const [other = "", ...more] = others;
  if (more.length > 0) {
    throw new Error(
      `several other keys are accepted (${others.join(", ")}): take away what is old by hand first`,
    );
  }
  // The order tells which is older: names are added at the end.
  if (accepted.indexOf(other) > accepted.indexOf(signing)) {
    const say = `New tokens will be by ${other}. Users' tokens by ${signing} stay good, and so do its keys at the gateway; a token that somebody signed by its JWT_SECRET does not: auth, realtime and storage will refuse it. Run \`pulumi up\`, put the new keys of the output \`supabase\` where clients have the old ones, and run this command once more when nobody uses those.`;
    return { keys: { signing: other, accepted }, say };
  }
  const say = `Tokens and keys by ${other} will be refused. Run \`pulumi up\`.`;
  return { keys: { signing, accepted: [signing] }, say };
}

/**
 * The stack's file after the next step; values and comments of everything else stay, spaces within brackets may not.
 * @throws Error when the file has no Supabase
 */
export function rotate(file: string): { readonly file: string; readonly say: string } {
  const document = parseDocument(file);
  if (document.getIn(["config", "gardenos:supabase"]) === undefined) {
    throw new Error("this stack has no Supabase: there is no gardenos:supabase in its file");
  }
  const found = document.getIn(PATH)
    ? (document.toJS().config["gardenos:supabase"].keys as Partial<Keys>)
    : {};
  const { keys, say } = nextStep({ ...DEFAULTS, ...found });
  document.setIn([...PATH, "signing"], keys.signing);
  document.setIn([...PATH, "accepted"], document.createNode(keys.accepted, { flow: true }));
  return { file: document.toString(), say };
}
