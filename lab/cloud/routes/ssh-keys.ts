import { createHash } from "node:crypto";
import { body, param, type Routes, readAndRename } from "../api.ts";
import { ApiError, invalidField } from "../errors.ts";
import { answerList } from "../listing.ts";
import { createSshKey, rename } from "../schemas.ts";

export const sshKeys: Routes = (app, parts) => {
  const { store } = parts;
  const view = (id: string) => store.get("ssh_keys", id);
  readAndRename(app, parts, { collection: "ssh_keys", schema: rename, view });

  app.get("/ssh_keys", (c) => {
    const wanted = c.req.query("fingerprint");
    const keys = store.records.ssh_keys.filter((key) => wanted === undefined || key.fingerprint === wanted);
    return answerList(c, "ssh_keys", keys);
  });

  app.post("/ssh_keys", async (c) => {
    const input = await body(c, createSshKey);
    const fingerprint = fingerprintOf(input.public_key);
    if (store.records.ssh_keys.some((key) => key.fingerprint === fingerprint))
      throw new ApiError(409, "uniqueness_error", "SSH key with the same fingerprint already exists");
    const key = { ...store.named("ssh_keys", input), fingerprint, public_key: input.public_key };
    store.records.ssh_keys.push(key);
    return c.json({ ssh_key: key }, 201);
  });

  app.delete("/ssh_keys/:id", (c) => {
    store.remove("ssh_keys", store.get("ssh_keys", param(c, "id")).id);
    return c.body(null, 204);
  });
};

/** MD5 of the key, in pairs, as `ssh-keygen -E md5` has it. */
function fingerprintOf(publicKey: string): string {
  const [type = "", encoded = ""] = publicKey.split(/\s+/);
  const blob = Buffer.from(encoded, "base64");
  // A key begins with the length of its type's name, and that name.
  if (type === "" || blob.subarray(4, 4 + type.length).toString() !== type)
    throw invalidField("public_key", "SSH key is not a valid OpenSSH public key");
  return createHash("md5")
    .update(blob)
    .digest("hex")
    .replace(/..(?!$)/g, "$&:");
}
