/** versitygw, the S3 server that is the lab's object storage. It goes into no image: it runs beside the machines. */
import { VERSIONS } from "../../plan/versions.ts";
import { buildGoProgram, type GoProgram, type GoProgramBuild } from "./go-program.ts";

const VERSITYGW: GoProgram = {
  name: "versitygw",
  version: VERSIONS.versitygw,
  module: "github.com/versity/versitygw",
  main: "github.com/versity/versitygw/cmd/versitygw",
  stamps: { "main.Version": VERSIONS.versitygw },
  duration: "10 s; 1-3 min with an empty Go cache",
};

/** Compiles it, or finds it in the cache. Resolves to the executable's path. */
export const buildVersitygw = (options: GoProgramBuild): Promise<string> =>
  buildGoProgram(VERSITYGW, options);
