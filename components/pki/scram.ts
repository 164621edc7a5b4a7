/** What Postgres verifies passwords by, made here so that passwords do not leave the program. */
import * as pulumi from "@pulumi/pulumi";
import { scramVerifier } from "../../lib/scram.ts";
import { sha256 } from "../../lib/sha256.ts";

/** Sixteen bytes, base64: the same at every run, and another one for every role. */
const saltOf = (base: string, role: string): string =>
  Buffer.from(sha256(`${base} ${role}`), "hex")
    .subarray(0, 16)
    .toString("base64");

/**
 * By role: SCRAM-SHA-256, the same for the same password.
 * @param salt drawn once
 * @param passwords by role
 */
export const scramVerifiers = (
  salt: pulumi.Output<string>,
  passwords: Readonly<Record<string, pulumi.Output<string>>>,
): pulumi.Output<Readonly<Record<string, string>>> =>
  pulumi
    .all([salt, pulumi.all(passwords)])
    .apply(([base, plain]) =>
      Object.fromEntries(
        Object.entries(plain).map(([role, password]) => [role, scramVerifier(password, saltOf(base, role))]),
      ),
    );
