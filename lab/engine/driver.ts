/**
 * What the engine asks of a driver: the lab's stand-in for a Pulumi provider plugin.
 *
 * A driver sees plain JSON. The engine takes secrets and unknowns out before the call and puts the secret marks
 * back afterwards, so no driver can forget one.
 */

/** Plain JSON properties of one resource. Keys are Pulumi's camelCase names. */
export type Properties = Readonly<Record<string, unknown>>;

/** What a driver may know about the resource it works on. */
export interface DriverContext {
  readonly urn: string;
  /** Type token, for example `hcloud:index/server:Server`. */
  readonly type: string;
  /** Logical name, the last part of the URN. */
  readonly name: string;
  /** Inputs of the provider resource: `endpoint`, `token` … */
  readonly provider: Properties;
  /** Aborted when the run is cancelled. */
  readonly signal: AbortSignal;
  /** What `customTimeouts` gives this call, in milliseconds: `signal` is aborted then. @default no limit */
  readonly timeoutMs?: number;
  /** One line of progress for the person who watches the run. Never a secret. */
  log(message: string): void;
  /** Something that the person should know although the run goes on. Never a secret. */
  warn(message: string): void;
}

/** One rejected input. */
export interface CheckFailure {
  readonly property: string;
  readonly reason: string;
}

/** The result of comparing the recorded inputs with the new ones. */
export interface Diff {
  /** Top-level input keys that differ. Empty: nothing to do. */
  readonly changed: readonly string[];
  /** The subset of `changed` that can't be updated in place; or paths within them, such as `spec.selector`. */
  readonly replace: readonly string[];
  /** Why, where the properties don't say it. */
  readonly note?: string;
  /** True where the old one must go first, because the new one needs its name or place. @default false */
  readonly deleteBeforeReplace?: boolean;
}

/** A resource as it exists: its id and its outputs (inputs included, as a provider answers). */
export interface Existing {
  readonly id: string;
  readonly outputs: Properties;
}

/** One provider's worth of resource types. All methods may throw; the message reaches the user as it is. */
export interface Driver {
  /** Fills in defaults and rejects what can't work. Default: the inputs as they are. */
  check?(
    type: string,
    news: Properties,
  ): { readonly inputs: Properties; readonly failures: readonly CheckFailure[] };
  /**
   * Default: a deep comparison of the top-level keys, everything updatable in place.
   * @param provider inputs of the provider resource, as far as they are known
   */
  diff?(
    type: string,
    old: { readonly inputs: Properties; readonly outputs: Properties },
    news: Properties,
    provider?: Properties,
  ): Diff;
  create(ctx: DriverContext, inputs: Properties): Promise<Existing>;
  /** Answers all outputs after the update. */
  update?(
    ctx: DriverContext,
    old: Existing & { readonly inputs: Properties },
    news: Properties,
  ): Promise<Properties>;
  /** For refresh. `undefined`: it is gone. Without this method refresh keeps the record as it is. */
  read?(
    ctx: DriverContext,
    old: Existing & { readonly inputs: Properties },
  ): Promise<(Existing & { readonly inputs?: Properties }) | undefined>;
  /** Finds what an interrupted create may have left behind. `undefined` or no method: create it (again). */
  find?(ctx: DriverContext, inputs: Properties): Promise<Existing | undefined>;
  /** Must succeed when the resource is already gone. Without this method a delete only forgets the record. */
  delete?(ctx: DriverContext, old: Existing & { readonly inputs: Properties }): Promise<void>;
  /** Input keys that are secret for this type, whether the program says so or not. @default none */
  secretInputs?(type: string): readonly string[];
  /** Output keys that the real provider's schema marks secret for this type. @default none */
  secretOutputs?(type: string): readonly string[];
  /**
   * Output keys that list who uses this resource. They change with the users, so refresh follows them without
   * calling it drift. @default none
   */
  backReferences?(type: string): readonly string[];
  /**
   * `read` puts every difference that matters into `inputs`: outputs are followed without calling it drift.
   * @default false
   */
  readonly driftsByInputs?: boolean;
  /**
   * Properties are large objects. Where one is unknown in parts only, `diff` gets the rest of it, and for the
   * unknown parts what was recorded, instead of nothing at all. @default false
   */
  readonly diffsPartly?: boolean;
}
