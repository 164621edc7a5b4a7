/** What the program asks for: what the driver refuses, and how inputs are recorded. */
import { z } from "zod";
import type { CheckFailure, Properties } from "../../engine/driver.ts";
import { isObject } from "../../engine/wire.ts";

/** Keys that are secret whatever the program says. */
export function secretKeys(type: string): readonly string[] {
  return type === "kubernetes:core/v1:Secret" ? ["data", "stringData"] : [];
}

const named = z.looseObject({
  metadata: z.looseObject({ name: z.string().min(1) }, "wanted: metadata with the object's name"),
});

/** What is wrong with the inputs. */
export function failuresOf(type: string, news: Properties): readonly CheckFailure[] {
  const unsupported = /^kubernetes:(yaml|helm|kustomize)|(Patch|List)$/.test(type);
  if (unsupported) return [{ property: "kind", reason: `${type}: the lab's driver has plain objects only` }];
  const { metadata } = news;
  if (isObject(metadata) && metadata["generateName"] !== undefined)
    return [
      { property: "metadata.generateName", reason: "the program names every object: give metadata.name" },
    ];
  if (named.safeParse(news).success) return [];
  return [
    { property: "metadata.name", reason: "there is none, and the lab's driver makes no names up: give one" },
  ];
}

/** As the real provider records them: a Secret's texts are data, in base64. */
export function normalized(inputs: Properties): Properties {
  const { stringData, ...rest } = inputs;
  if (inputs["kind"] !== "Secret" || inputs["apiVersion"] !== "v1" || !isObject(stringData)) return inputs;
  const texts = Object.entries(stringData).map(([key, value]) => [
    key,
    Buffer.from(String(value)).toString("base64"),
  ]);
  return { ...rest, data: { ...(isObject(rest["data"]) ? rest["data"] : {}), ...Object.fromEntries(texts) } };
}
