import type * as pulumi from "@pulumi/pulumi";

/** One after the other: each item's resource depends on `first` and on the item before it. */
export function chain<T>(
  items: readonly T[],
  first: readonly pulumi.Resource[],
  make: (item: T, after: readonly pulumi.Resource[]) => pulumi.Resource,
): readonly pulumi.Resource[] {
  const made: pulumi.Resource[] = [];
  for (const item of items) made.push(make(item, [...first, ...made.slice(-1)]));
  return made;
}
