/**
 * What has started, in the order given. When one does not start, those that did are stopped: nobody would hold them any more.
 * @throws its reason, of the first that did not
 */
export async function allStarted<T>(
  starting: readonly Promise<T>[],
  stop: (one: T) => Promise<unknown>,
): Promise<readonly T[]> {
  const results = await Promise.allSettled(starting);
  const started = results.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
  const refused = results.find((each) => each.status === "rejected");
  if (!refused) return started;
  await Promise.allSettled(started.map(stop));
  throw refused.reason;
}
