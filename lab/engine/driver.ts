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
  /** One line of progress for the person who watches the run. Never a secret. */
  log(message: string): void;
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
  /** The subset of `changed` that can't be updated in place. */
  readonly replace: readonly string[];
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
  /** Default: a deep comparison of the top-level keys, everything updatable in place. */
  diff?(
    type: string,
    old: { readonly inputs: Properties; readonly outputs: Properties },
    news: Properties,
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
  /** Output keys that the real provider's schema marks secret for this type. @default none */
  secretOutputs?(type: string): readonly string[];
  /**
   * Output keys that list who uses this resource. They change with the users, so refresh follows them without
   * calling it drift. @default none
   */
  backReferences?(type: string): readonly string[];
}
