/** Functions' code as the edge runtime finds it. Pure. */
import { shortHash } from "../../lib/sha256.ts";
import { NAMESPACES } from "../../plan/namespaces.ts";
import { labels } from "../kubernetes/pods.ts";
import type { Files } from "./objects.ts";

/** Of upstream's image and documents. */
const FOLDER = "/home/deno/functions";
const NAME = "functions-code";

/**
 * A ConfigMap, whose keys can't be paths, and how a pod mounts and starts it. Its name is another for other code: in one that changes, old
 * pods would find new files under old paths until they are gone.
 * @param code path → text
 */
export function functionsCode(code: Readonly<Record<string, string>>) {
  const paths = Object.keys(code).sort();
  const items = paths.map((path, i) => ({ key: `file-${i}`, path }));
  const data = Object.fromEntries(paths.map((path, i) => [`file-${i}`, code[path] ?? ""]));
  const name = `${NAME}-${shortHash(JSON.stringify([items, data]))}`;
  const metadata = { name, namespace: NAMESPACES.supabase.name, labels: labels(NAME) };
  const files: Files = { folder: FOLDER, from: "ConfigMap", name, items };
  return {
    object: { apiVersion: "v1", kind: "ConfigMap", metadata, data } as const,
    files,
    args: ["start", "--main-service", `${FOLDER}/main`],
  };
}
