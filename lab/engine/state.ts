/** What the engine knows to exist, and the file it is kept in. Field names follow `pulumi stack export`. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { z } from "zod";
import { EngineError, messageOf } from "./errors.ts";
import { Vault, WrongKeyError } from "./vault.ts";
import { isObject, isSecret, rebuild, type Secret, SIGNATURE, secret } from "./wire.ts";

const FORMAT_VERSION = 1;
const CHECK_TEXT = "gardenos";

const properties = z.record(z.string(), z.unknown());
const resourceRecord = z.object({
  urn: z.string(),
  type: z.string(),
  /** False for components. */
  custom: z.boolean(),
  id: z.string().optional(),
  parent: z.string().optional(),
  /** `<urn>::<id>` of the provider resource. */
  provider: z.string().optional(),
  inputs: properties,
  outputs: properties,
  dependencies: z.array(z.string()).default([]),
  propertyDependencies: z.record(z.string(), z.array(z.string())).default({}),
  protect: z.boolean().optional(),
  retainOnDelete: z.boolean().optional(),
  deletedWith: z.string().optional(),
  additionalSecretOutputs: z.array(z.string()).optional(),
  ignoreChanges: z.array(z.string()).optional(),
  replaceOnChanges: z.array(z.string()).optional(),
  customTimeouts: z.record(z.string(), z.string()).optional(),
  /** It has been replaced, and its deletion is still to come. */
  delete: z.boolean().optional(),
});
const stateFile = z.object({
  version: z.literal(FORMAT_VERSION),
  project: z.string(),
  stack: z.string(),
  encryption: z.object({ salt: z.string(), check: z.string() }),
  resources: z.array(resourceRecord),
  pendingCreates: z.array(resourceRecord),
});

/** One resource. Records are never changed, only replaced by new ones. Values are in wire format. */
export type ResourceRecord = z.infer<typeof resourceRecord>;

/** Where the state is kept and what opens it. */
export interface StateOptions {
  readonly file: string;
  readonly passphrase: string;
  readonly project: string;
  readonly stack: string;
}

/** The state of one stack. `save` after each change; saves that fall together are written once. */
export class State {
  readonly resources = new Map<string, ResourceRecord>();
  /** Replaced resources that still exist. */
  condemned: readonly ResourceRecord[] = [];
  /** Creates that were begun: inputs, no id. What an interrupted run leaves here may or may not exist. */
  readonly pending = new Map<string, ResourceRecord>();
  readonly #write: (state: State) => void;
  #saving: Promise<void> | undefined;

  constructor(write: (state: State) => void = () => undefined) {
    this.#write = write;
  }

  /** A copy in memory; saving it does nothing. */
  scratch(): State {
    const copy = new State();
    for (const [urn, record] of this.resources) copy.resources.set(urn, record);
    for (const [urn, record] of this.pending) copy.pending.set(urn, record);
    copy.condemned = this.condemned;
    return copy;
  }

  save(): Promise<void> {
    this.#saving ??= new Promise<void>((resolve, reject) => {
      setImmediate(() => {
        this.#saving = undefined;
        try {
          this.#write(this);
          resolve();
        } catch (error) {
          reject(new EngineError(`The state could not be saved: ${messageOf(error)}`));
        }
      });
    });
    return this.#saving;
  }

  /** Gives a resource another URN (aliases) and follows it in all other records. */
  rename(from: string, to: string): void {
    const follow = (urn: string): string => (urn === from ? to : urn);
    for (const [urn, record] of [...this.resources]) {
      this.resources.delete(urn);
      this.resources.set(follow(urn), {
        ...record,
        urn: follow(urn),
        ...(record.parent === undefined ? {} : { parent: follow(record.parent) }),
        ...(record.provider === undefined
          ? {}
          : { provider: record.provider.replace(`${from}::`, `${to}::`) }),
        ...(record.deletedWith === undefined ? {} : { deletedWith: follow(record.deletedWith) }),
        dependencies: record.dependencies.map(follow),
        propertyDependencies: Object.fromEntries(
          Object.entries(record.propertyDependencies).map(([key, urns]) => [key, urns.map(follow)]),
        ),
      });
    }
  }
}

/**
 * Reads the state file, or begins an empty state when there is none.
 * @throws EngineError when the file is damaged, belongs to another stack or has another passphrase.
 */
export function openState(options: StateOptions): State {
  const content = existsSync(options.file) ? parseFile(options) : undefined;
  const vault = new Vault(options.passphrase, content?.encryption.salt);
  const sealed = new WeakMap<object, string>();
  const state = new State((current) => writeFile(options, render(current, options, { vault, sealed })));
  if (content === undefined) return state;
  const open = (record: ResourceRecord) => opened(record, { vault, sealed });
  withRightKey(options, () => {
    vault.decrypt(content.encryption.check);
    for (const record of content.resources.filter((each) => !each.delete))
      state.resources.set(record.urn, open(record));
    for (const record of content.pendingCreates) state.pending.set(record.urn, open(record));
    state.condemned = content.resources.filter((each) => each.delete).map(open);
  });
  return state;
}

/**
 * One resource of its type without those that were replaced, or nothing. The secrets of the others stay sealed: opening all takes long.
 * @throws EngineError as {@link openState}
 */
export function openRecord(options: StateOptions, type: string): ResourceRecord | undefined {
  if (!existsSync(options.file)) return undefined;
  const { resources, encryption } = parseFile(options);
  const record = resources.find((each) => each.type === type && !each.delete);
  const vault = new Vault(options.passphrase, encryption.salt);
  return withRightKey(options, () => {
    vault.decrypt(encryption.check);
    return record && opened(record, { vault, sealed: new WeakMap() });
  });
}

const opened = (record: ResourceRecord, sealing: Sealing): ResourceRecord => ({
  ...record,
  inputs: unseal(record.inputs, sealing),
  outputs: unseal(record.outputs, sealing),
});

/** @throws EngineError when the key does not open the file */
function withRightKey<T>({ file }: StateOptions, body: () => T): T {
  try {
    return body();
  } catch (error) {
    if (!(error instanceof WrongKeyError)) throw error;
    throw new EngineError(`The passphrase does not open ${file}: it was written with another one.`);
  }
}

function parseFile({ file, project, stack }: StateOptions): z.infer<typeof stateFile> {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new EngineError(`The state file ${file} cannot be read: ${messageOf(error)}`);
  }
  const parsed = stateFile.safeParse(json);
  if (!parsed.success) {
    throw new EngineError(
      `The state file ${file} is damaged or of another version:\n${z.prettifyError(parsed.error)}`,
    );
  }
  if (parsed.data.project !== project || parsed.data.stack !== stack) {
    const owner = `${parsed.data.project}/${parsed.data.stack}`;
    throw new EngineError(`The state file ${file} belongs to ${owner}, not to ${project}/${stack}.`);
  }
  return parsed.data;
}

interface Sealing {
  readonly vault: Vault;
  /** Ciphertexts by secret: an unchanged secret is not encrypted again at each save. */
  readonly sealed: WeakMap<object, string>;
}

function render(state: State, { project, stack }: StateOptions, sealing: Sealing): z.infer<typeof stateFile> {
  const seal = (record: ResourceRecord): ResourceRecord => ({
    ...record,
    inputs: sealProperties(record.inputs, sealing),
    outputs: sealProperties(record.outputs, sealing),
  });
  return {
    version: FORMAT_VERSION,
    project,
    stack,
    encryption: { salt: sealing.vault.salt, check: sealing.vault.encrypt(CHECK_TEXT) },
    resources: [...state.resources.values(), ...state.condemned].map(seal),
    pendingCreates: [...state.pending.values()].map(seal),
  };
}

function sealProperties(
  values: Record<string, unknown>,
  { vault, sealed }: Sealing,
): Record<string, unknown> {
  const seal = (part: Secret): string => {
    const ciphertext = sealed.get(part) ?? vault.encrypt(JSON.stringify(part.value));
    sealed.set(part, ciphertext);
    return ciphertext;
  };
  return mapProperties(values, (part) =>
    isSecret(part) ? { [SIGNATURE]: part[SIGNATURE], ciphertext: seal(part) } : undefined,
  );
}

function unseal(values: Record<string, unknown>, { vault, sealed }: Sealing): Record<string, unknown> {
  return mapProperties(values, (part) => {
    if (!isObject(part) || !isSecret(part)) return undefined;
    const ciphertext = z.object({ ciphertext: z.string() }).parse(part).ciphertext;
    const opened = secret(JSON.parse(vault.decrypt(ciphertext)));
    sealed.set(opened, ciphertext);
    return opened;
  });
}

function mapProperties(
  values: Record<string, unknown>,
  replace: (part: unknown) => unknown,
): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, rebuild(value, replace)]));
}

/** Written beside and renamed, so that a kill leaves the old file or the new one, never half of one. */
function writeFile({ file }: StateOptions, content: z.infer<typeof stateFile>): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const draft = `${file}.new`;
  writeFileSync(draft, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });
  renameSync(draft, file);
}
