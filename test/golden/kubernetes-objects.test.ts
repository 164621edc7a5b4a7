/** The platform's objects as YAML, one file a subject: read their diff like code. */
import { expect, it } from "vitest";
import { stringify } from "yaml";
import { SUBJECTS } from "../support/platform.ts";

it.each(Object.entries(SUBJECTS))("%s", async (subject, objects) => {
  const text = objects
    .map((object) => stringify(object, { lineWidth: 0, aliasDuplicateObjects: false }))
    .join("---\n");
  await expect(text).toMatchFileSnapshot(`./kubernetes/${subject}.yaml`);
});
