/**
 * How `up` has the daemon serve object storage: the daemon may run since a profile that needs none, and a server that has ended is
 * started again by the next `up`.
 */
import { Hono } from "hono";
import { LAB_NET } from "../addresses.ts";
import { EngineError, messageOf } from "../engine/errors.ts";
import { readChoices } from "../files.ts";
import type { Lab } from "../lab.ts";
import { s3Keys } from "../secrets.ts";
import { type ObjectStorage, type StorageOptions, storageOptions } from "./server.ts";

const PATH = "/object-storage";

/** The daemon's side, below `/_lab`. */
export const storageControls = (storage: Pick<ObjectStorage, "start">): Hono =>
  new Hono().post(PATH, async (c) => {
    try {
      await storage.start(storageOptions.parse(await c.req.json()));
      return c.body(null, 204);
    } catch (error) {
      return c.text(messageOf(error), 500);
    }
  });

/**
 * Resolves when the storage that this lab has chosen answers, or when it has chosen none. Runs inside the lab's network.
 * @throws EngineError when it does not start
 */
export async function startStorage(lab: Lab): Promise<void> {
  const { storage } = readChoices(lab.ctx);
  if (storage === undefined) return;
  const answer = await fetch(new URL(`/_lab${PATH}`, LAB_NET.apiUrl), {
    method: "POST",
    body: JSON.stringify({ ...storage, ...s3Keys(lab.files) } satisfies StorageOptions),
  });
  if (answer.ok) return;
  throw new EngineError(
    `the lab's daemon has not started object storage: ${await answer.text()}\nStart it afresh: make down, then make up`,
  );
}
