import { type NameLookup, systemLookup } from "./address-guard.ts";

/**
 * Resolves each name once at a time: who asks while an answer is under way gets that one.
 *
 * The system resolves names in a few threads and cannot be told to stop. A name whose servers are silent, asked for anew by
 * each check, would fill the row in which all other names wait, and check by check more.
 */
export function sharedLookup(lookup: NameLookup = systemLookup): NameLookup {
  const underWay = new Map<string, ReturnType<NameLookup>>();
  return (name) => {
    const before = underWay.get(name);
    if (before !== undefined) return before;
    const asked = lookup(name).finally(() => underWay.delete(name));
    underWay.set(name, asked);
    return asked;
  };
}
