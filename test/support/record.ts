/**
 * Runs program code under Pulumi's mocks and records every resource with its options. Outputs of providers are
 * fixed, so that everything rendered from them is the same on every run.
 */
import { createECDH, createPrivateKey } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import { parse } from "yaml";
import { readRepositoryFile } from "../../lib/repository-file.ts";
import { sha256 } from "../../lib/sha256.ts";

const SECRET_SIGNATURE = "1b47061264138c4ac30d75fd1eb44270";
const SIGNATURE_KEY = "4dabf18193072939515e22adb298388d";

export interface Recorded {
  readonly type: string;
  readonly name: string;
  /** Inputs; secrets are shown as `[secret]`. */
  readonly inputs: Record<string, unknown>;
  /** Inputs with the secrets readable, for tests that look for leaks. */
  readonly plain: Record<string, unknown>;
  readonly parent: string;
  /** Name of the explicit provider; empty where the default one is used. */
  readonly provider: string;
  readonly protect: boolean;
  readonly ignoreChanges: readonly string[];
  readonly deleteBeforeReplace: boolean;
  readonly dependsOn: readonly string[];
}

export interface Recording {
  readonly resources: readonly Recorded[];
  /** The stack's exports. */
  readonly outputs: Readonly<Record<string, unknown>>;
}

const PEM = (kind: string, name: string) => `-----BEGIN ${kind}-----\n${name}\n-----END ${kind}-----\n`;

/** A private key on P-256, the same for the same name. */
function signingKey(name: string): string {
  const ecdh = createECDH("prime256v1");
  ecdh.setPrivateKey(sha256(name), "hex");
  const half = (from: number) =>
    ecdh
      .getPublicKey()
      .subarray(from, from + 32)
      .toString("base64url");
  const d = ecdh.getPrivateKey().toString("base64url");
  const key = createPrivateKey({
    key: { kty: "EC", crv: "P-256", x: half(1), y: half(33), d },
    format: "jwk",
  });
  return key.export({ type: "sec1", format: "pem" }).toString();
}

/** What a provider would answer beyond the inputs. Private halves carry CANARY, so that leaks can be searched for. */
function outputsOf(type: string, name: string, index: number): Record<string, unknown> {
  switch (type) {
    case "tls:index/privateKey:PrivateKey":
      return {
        publicKeyOpenssh: `ssh-ed25519 PUBLIC-${name}\n`,
        privateKeyOpenssh: secret(`CANARY-${name}-openssh\n`),
        // Keys that the program signs by itself must be some.
        privateKeyPem: secret(/-keys-\w+$/.test(name) ? signingKey(name) : `CANARY-${name}-pem\n`),
      };
    case "tls:index/selfSignedCert:SelfSignedCert":
    case "tls:index/locallySignedCert:LocallySignedCert":
      return { certPem: PEM("CERTIFICATE", name), validityEndTime: "2027-11-25T00:00:00Z" };
    case "tls:index/certRequest:CertRequest":
      return { certRequestPem: PEM("CERTIFICATE REQUEST", name) };
    case "random:index/randomPassword:RandomPassword":
      return { result: secret(`CANARY-${name}`) };
    case "hcloud:index/server:Server":
      return { ipv4Address: `198.51.100.${11 + index}` };
    case "hcloud:index/loadBalancer:LoadBalancer":
      return { ipv4: "192.0.2.5" };
    default:
      return {};
  }
}

const secret = (value: unknown) => ({ [SIGNATURE_KEY]: SECRET_SIGNATURE, value });

function isSecret(value: object): value is { value: unknown } {
  return Reflect.get(value, SIGNATURE_KEY) === SECRET_SIGNATURE;
}

/** Replaces every secret, either by its value or by a mark. */
function reveal(value: unknown, show: (inner: unknown) => unknown): unknown {
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map((item) => reveal(item, show));
  if (isSecret(value)) return show(value.value);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, reveal(item, show)]));
}

const lastName = (urn: string): string => urn.split("::").at(-1) ?? "";

/** Providers are referred to as `<urn>::<id>`. */
const providerName = (reference: string): string => reference.split("::").at(-2) ?? "";

/** The part of a registration that mocks keep from their callbacks. */
interface Registration {
  getName(): string;
  getType(): string;
  getParent(): string;
  getProvider(): string;
  getProtect(): boolean;
  getIgnorechangesList(): string[];
  getDeletebeforereplace(): boolean;
  getDependenciesList(): string[];
}

type Register = (request: Registration, callback: unknown) => Promise<void>;

/** Notes each registration's options by type and name before the mock monitor handles it. */
function watchRegistrations(): ReadonlyMap<string, Registration> {
  const seen = new Map<string, Registration>();
  const monitor = pulumi.runtime.getMonitor() as unknown as { registerResource: Register };
  const original = monitor.registerResource.bind(monitor);
  monitor.registerResource = (request, callback) => {
    seen.set(`${request.getType()} ${request.getName()}`, request);
    return original(request, callback);
  };
  return seen;
}

/** Runs the function and answers all resources it made, in order of registration. */
export async function record(program: () => unknown, stack = "test"): Promise<Recording> {
  const made: { type: string; name: string; inputs: Record<string, unknown> }[] = [];
  let servers = 0;
  await pulumi.runtime.setMocks(
    {
      call: () => ({}),
      newResource: ({ type, name, inputs }) => {
        made.push({ type, name, inputs });
        const index = type === "hcloud:index/server:Server" ? servers++ : 0;
        return { id: String(1000 + made.length), state: { ...inputs, ...outputsOf(type, name, index) } };
      },
    },
    "gardenos",
    stack,
    false,
  );
  const registrations = watchRegistrations();
  let exported: unknown;
  await pulumi.runtime.runInPulumiStack(async () => {
    exported = await program();
    return exported as Record<string, unknown>;
  });
  const outputs = await settled(exported);
  await pulumi.runtime.disconnect();
  const resources = made.map(({ type, name, inputs }) => {
    const request = registrations.get(`${type} ${name}`);
    return {
      type,
      name,
      inputs: reveal(inputs, () => "[secret]") as Record<string, unknown>,
      plain: reveal(inputs, (inner) => inner) as Record<string, unknown>,
      parent: lastName(request?.getParent() ?? ""),
      provider: providerName(request?.getProvider() ?? ""),
      protect: request?.getProtect() ?? false,
      ignoreChanges: request?.getIgnorechangesList() ?? [],
      deleteBeforeReplace: request?.getDeletebeforereplace() ?? false,
      dependsOn: [...new Set((request?.getDependenciesList() ?? []).map(lastName))].sort(),
    };
  });
  return { resources, outputs: (outputs ?? {}) as Record<string, unknown> };
}

/** The value of outputs wherever they are in it; a secret one is shown as `[secret]`. */
async function settled(value: unknown): Promise<unknown> {
  if (pulumi.Output.isInstance(value)) {
    if (await pulumi.isSecret(value)) return "[secret]";
    return new Promise((resolve) => {
      value.apply((plain) => resolve(settled(plain)));
    });
  }
  if (Array.isArray(value)) return Promise.all(value.map(settled));
  if (value === null || typeof value !== "object") return value;
  const fields = Object.entries(value).map(async ([key, each]) => [key, await settled(each)] as const);
  return Object.fromEntries(await Promise.all(fields));
}

/** Sets the configuration that `Pulumi.<stack>.yaml` holds. */
export function useStackConfig(stack: string, overrides: Readonly<Record<string, string>> = {}): void {
  const { config } = parse(readRepositoryFile(`Pulumi.${stack}.yaml`)) as { config: Record<string, unknown> };
  const values = Object.entries(config).map(([key, value]) => [
    key,
    typeof value === "string" ? value : JSON.stringify(value),
  ]);
  pulumi.runtime.setAllConfig({ ...Object.fromEntries(values), ...overrides });
}
