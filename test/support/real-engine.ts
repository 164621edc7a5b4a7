/** The recorded state of the real engine. How it is recorded: test/fixtures/real-engine/README.md. */
import { z } from "zod";
import { readRepositoryFile } from "../../lib/repository-file.ts";
import { comparedResource } from "./engine-state.ts";

export const FIXTURE = "test/fixtures/real-engine/lab.json";

const fixture = z.object({
  recorded: z.object({ date: z.string(), cli: z.string(), plugins: z.record(z.string(), z.string()) }),
  resources: z.record(z.string(), comparedResource),
});

/** @throws ZodError when the file is not one that the recorder has made */
export function realEngine(): z.infer<typeof fixture> {
  return fixture.parse(JSON.parse(readRepositoryFile(FIXTURE)));
}
