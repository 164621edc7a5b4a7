/** Provider resources: which driver serves which type, and the default provider that each package gets. */
import type { Driver, Properties } from "./driver.ts";
import { EngineError } from "./errors.ts";
import type { Goal } from "./goal.ts";
import type { State } from "./state.ts";
import { defaultProviderName, isProviderType, makeUrn, packageOf, providerUrn } from "./urn.ts";
import { secret } from "./wire.ts";

/** A provider is configuration with an id: nothing exists outside the state, and every change is an update. */
const providerDriver: Driver = {
  create: async (context, inputs) => ({ id: context.urn, outputs: inputs }),
  update: async (_context, _old, news) => news,
};

/** @throws EngineError when there is no driver for the type's package. */
export function driverFor(drivers: Readonly<Record<string, Driver>>, type: string): Driver {
  if (isProviderType(type)) return providerDriver;
  const driver = drivers[packageOf(type)];
  if (driver !== undefined) return driver;
  const known = Object.keys(drivers).sort().join(", ");
  throw new EngineError(`No driver for ${type}: this engine knows the packages ${known}.`);
}

/** Inputs of the provider resource that a reference `<urn>::<id>` leads to. */
export function configurationOf(state: State, reference: string | undefined): Properties {
  return reference === undefined ? {} : (state.resources.get(providerUrn(reference))?.inputs ?? {});
}

/** What default providers are made from. */
export interface ProviderSource {
  readonly project: string;
  readonly stack: string;
  /** Full configuration keys, `<package>:<key>`. */
  readonly config: Readonly<Record<string, string>>;
  readonly secretKeys: readonly string[];
}

/** The registration of a package's default provider: its version and the configuration of its package. */
export function defaultProviderGoal(type: string, version: string, source: ProviderSource): Goal {
  const pkg = packageOf(type);
  const provider = defaultProviderName(pkg, version);
  const settings = Object.entries(source.config)
    .filter(([key]) => key.startsWith(`${pkg}:`))
    .map(([key, value]): [string, unknown] => [
      key.slice(pkg.length + 1),
      source.secretKeys.includes(key) ? secret(value) : value,
    ]);
  return {
    urn: makeUrn({ ...source, ...provider }),
    type: provider.type,
    custom: true,
    inputs: { ...(version === "" ? {} : { version }), ...Object.fromEntries(settings) },
    dependencies: [],
    propertyDependencies: {},
    aliases: [],
    deleteBeforeReplace: undefined,
  };
}
