import { createTar } from "nanotar";

/** Two blocks of zeros. createTar pads to a full record, which may leave room for one only or for none, and readers complain. */
const END_OF_ARCHIVE = Buffer.alloc(1024);

/** A tar of these entries, the same bytes for the same entries. */
export const renderTar = (entries: Parameters<typeof createTar>[0]): Buffer =>
  Buffer.concat([createTar(entries), END_OF_ARCHIVE]);
