/** `probe`: measures the API for as long as something else happens. */
import { apiCredentials, type OpsAccess } from "./access.ts";
import type { Measurement } from "./gaps.ts";
import { ApiProbe } from "./measure.ts";

/** Calls the API where the kubeconfig says it is, until the process is told to end (Ctrl-C, SIGTERM). */
export async function probeApi({ exports }: OpsAccess, say: (line: string) => void): Promise<Measurement> {
  const { endpoint, ...credentials } = apiCredentials(exports);
  const ended = new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
  });
  const probe = await ApiProbe.start({
    credentials,
    addresses: [endpoint.hostname],
    port: Number(endpoint.port),
  });
  say(`Calling ${endpoint.origin} ten times a second. Ctrl-C ends it.`);
  await ended;
  return probe.stop();
}

/** One line for people. */
export function renderProbe({ calls, errors, medianMs, longestGapMs }: Measurement): string {
  return `${calls} calls, ${errors} without an answer; median ${medianMs} ms, longest gap ${longestGapMs} ms.`;
}
