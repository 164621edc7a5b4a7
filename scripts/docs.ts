/**
 * Writes the reference pages that follow from code: `make docs`. A test fails while a page is stale.
 *
 * - docs/config.md from config/schema.ts and the descriptions in Pulumi.yaml
 * - docs/outputs.md from the interfaces of exports.ts
 * - docs/ports.md from plan/ports.ts
 */
import { writeFileSync } from "node:fs";
import ts from "typescript";
import { parse } from "yaml";
import type { z } from "zod";
import { SCHEMA } from "../config/schema.ts";
import { readRepositoryFile, repositoryPath } from "../lib/repository-file.ts";
import { PORTS, PORTS_CLOSED_TO_PODS, POSTGRES_NODE_PORTS, type PortRule } from "../plan/ports.ts";
import { VERSIONS } from "../plan/versions.ts";

type Row = readonly string[];

const code = (text: string): string => (text === "" ? "" : `\`${text}\``);

/** A cell must not end the cell. */
const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ");

function table(head: Row, rows: readonly Row[]): string {
  return [head, head.map(() => "---"), ...rows].map((row) => `| ${row.map(cell).join(" | ")} |`).join("\n");
}

const generatedFrom = (sources: string): string => `Generated from ${sources} by \`make docs\`.`;

// --- configuration ------------------------------------------------------------------------------------------------

type Declarations = Readonly<Record<string, { readonly description?: string } | undefined>>;

/** What Pulumi.yaml says of each key. */
function declarations(): Declarations {
  return (parse(readRepositoryFile("Pulumi.yaml")) as { config: Declarations }).config;
}

/** The schema's own words for what it wants: the message that a nonsense value gets. */
function wanted(schema: z.ZodType): string {
  return schema.safeParse(Symbol("nonsense")).error?.issues[0]?.message ?? "";
}

/** What stands there when nothing is configured. */
function defaultOf(schema: z.ZodType): string {
  const { success, data } = schema.safeParse(undefined);
  if (!success) return "required";
  return data === undefined ? "" : code(typeof data === "string" ? data : JSON.stringify(data));
}

interface Definition {
  readonly innerType?: z.ZodType;
  readonly shape?: Readonly<Record<string, z.ZodType>>;
  readonly valueType?: z.ZodType;
}

/** What a schema is made of, below any default. */
function definitionOf(schema: z.ZodType): Definition {
  const { def } = schema as unknown as { readonly def: Definition };
  return def.innerType ? definitionOf(def.innerType) : def;
}

/** A map, and the maps inside it, each by its path: fields have names, and what is by name has `<name>`. */
function mapsOf(path: string, schema: z.ZodType): readonly (readonly [path: string, schema: z.ZodType])[] {
  const { shape, valueType } = definitionOf(schema);
  if (valueType) return mapsOf(`${path}.<name>`, valueType);
  if (!shape) return [];
  const inner = Object.entries(shape).flatMap(([field, each]) => mapsOf(`${path}.${field}`, each));
  return [[path, schema], ...inner];
}

const isMap = (schema: z.ZodType): boolean => mapsOf("", schema).length > 0;

function configSection(title: string, schema: z.ZodType): string {
  const rows = Object.entries(definitionOf(schema).shape ?? {}).map(([field, each]) => [
    code(field),
    isMap(each) ? "a map, see below" : wanted(each),
    definitionOf(each).shape ? "" : defaultOf(each),
    each.description ?? "",
  ]);
  return `## ${code(title)}\n\n${table(["field", "value", "default", "meaning"], rows)}`;
}

function configPage(): string {
  const declared = declarations();
  const entries = Object.entries<z.ZodType>(SCHEMA);
  const top = entries.map(([key, schema]) => [
    code(`gardenos:${key}`),
    isMap(schema) ? "a map, see below" : wanted(schema),
    definitionOf(schema).shape ? "" : defaultOf(schema),
    declared[`gardenos:${key}`]?.description ?? schema.description ?? "",
  ]);
  const sections = entries
    .flatMap(([key, schema]) => mapsOf(`gardenos:${key}`, schema))
    .map(([path, schema]) => configSection(path, schema));
  return `# Configuration

${generatedFrom("`config/schema.ts` and `Pulumi.yaml`")}

Values live in \`Pulumi.<stack>.yaml\`. A stack's value replaces a default whole: maps are not merged, but fields left
out of a map get their own defaults. \`pulumi config set --path 'gardenos:etcd.quota' 2Gi\` changes one value. Everything
that is wrong is listed at once, before any resource is touched.

${table(["key", "value", "default", "meaning"], top)}

The Hetzner token is the provider's own key, and a secret: \`pulumi config set --secret hcloud:token\`.

${sections.join("\n\n")}

## Pinned versions

${table(
  ["what", "version"],
  [
    ["etcd", VERSIONS.etcd],
    ["oldest etcd that is accepted", VERSIONS.etcdFloor],
    ["K3s", VERSIONS.k3s],
    ["oldest K3s that is accepted", VERSIONS.k3sFloor],
    ["Traefik", VERSIONS.traefik],
    ["metrics-server", VERSIONS.metricsServer],
    ["local-path-provisioner", VERSIONS.localPathProvisioner],
    ["Postgres, with the minor that Debian has", VERSIONS.postgres],
    ["Patroni", VERSIONS.patroni],
    ["PgBouncer", VERSIONS.pgbouncer],
    ["image of the nodes", VERSIONS.image],
  ],
)}
`;
}

// --- outputs ------------------------------------------------------------------------------------------------------

type Interfaces = ReadonlyMap<string, ts.InterfaceDeclaration>;

function docOf(node: ts.Node): string {
  return ts
    .getJSDocCommentsAndTags(node)
    .map((doc) => ts.getTextOfJSDocComment(doc.comment) ?? "")
    .join(" ");
}

/** The rows of a type: one per field, maps by a name in angle brackets. */
function typeRows(path: string, type: ts.TypeNode, doc: string, interfaces: Interfaces): Row[] {
  if (ts.isTypeLiteralNode(type)) return memberRows(path, type.members, interfaces);
  if (ts.isTypeReferenceNode(type)) {
    const [first, second] = type.typeArguments ?? [];
    const name = type.typeName.getText();
    if (name === "Readonly" && first) return typeRows(path, first, doc, interfaces);
    if (name === "Record" && first && second)
      return typeRows(`${path}.<${keysOf(first)}>`, second, doc, interfaces);
    const declaration = interfaces.get(name);
    if (declaration) return memberRows(path, declaration.members, interfaces);
  }
  return [[code(path), code(type.getText().replace("readonly ", "")), doc]];
}

/** The names that a map may have, or "name" where it may have any. */
const keysOf = (key: ts.TypeNode): string =>
  ts.isUnionTypeNode(key) ? key.types.map((each) => each.getText().replaceAll('"', "")).join("|") : "name";

function memberRows(path: string, members: ts.NodeArray<ts.TypeElement>, interfaces: Interfaces): Row[] {
  return members.flatMap((member) => {
    if (!ts.isPropertySignature(member) || !member.type) return [];
    const name = member.name.getText();
    return typeRows(path === "" ? name : `${path}.${name}`, member.type, docOf(member), interfaces);
  });
}

function outputsPage(): string {
  const source = ts.createSourceFile(
    "exports.ts",
    readRepositoryFile("exports.ts"),
    ts.ScriptTarget.ESNext,
    true,
  );
  const interfaces = new Map(
    source.statements.filter(ts.isInterfaceDeclaration).map((each) => [each.name.text, each]),
  );
  const members = interfaces.get("StackExports")?.members;
  if (!members) throw new Error("exports.ts has no interface StackExports");
  return `# Outputs

${generatedFrom("`exports.ts`")}

What a stack exports: \`pulumi stack output --json\`, or a StackReference in another program. \`contract\` is the version of
this list. Fields may be added under the same number; removing or renaming one needs a new number. Those marked Secret are encrypted in the state; \`--show-secrets\` shows them.

${table(["output", "type", "meaning"], memberRows("", members, interfaces))}
`;
}

// --- ports --------------------------------------------------------------------------------------------------------

function portsPage(): string {
  const rows = Object.values<PortRule>(PORTS).map((rule) => [
    `${rule.port}/${rule.protocol}`,
    rule.from.join(", "),
    PORTS_CLOSED_TO_PODS.includes(rule.port) ? "closed" : "",
    rule.why,
  ]);
  return `# Ports

${generatedFrom("`plan/ports.ts`")} The firewalls and the configuration of etcd, K3s and HAProxy read the same table.

${table(["port", "from", "pods", "why"], rows)}

- \`world\`: everybody, where no load balancer stands before the nodes.
- \`admin\`: the networks in \`gardenos:adminCidrs\`, on the public side.
- \`node\`: the private addresses of this cluster's nodes.
- \`lb\`: the load balancer's private address.
- \`postgres\`: the networks in \`gardenos:postgres.allowedCidrs\`, on the public side.
- \`pod\`: pods of the same node; those of other nodes arrive with their node's address.
- pods \`closed\`: the host firewall drops the port from the pod network even where another rule allows it.

HAProxy of the nodes reaches members of Postgres by node ports ${POSTGRES_NODE_PORTS.postgres} and ${POSTGRES_NODE_PORTS.rest}, and those that follow: one each a member. They are closed to pods.

Hetzner's firewall covers the public side only; the host firewall covers every interface. ICMP is open on both.
`;
}

/** Every generated page by its path. */
export function renderPages(): Readonly<Record<string, string>> {
  return { "docs/config.md": configPage(), "docs/outputs.md": outputsPage(), "docs/ports.md": portsPage() };
}

if (import.meta.main) {
  for (const [path, text] of Object.entries(renderPages())) writeFileSync(repositoryPath(path), text);
}
