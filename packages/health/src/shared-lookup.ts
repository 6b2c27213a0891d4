import type { Clock } from "@dister/types";
import { systemClock } from "@dister/types/system";
import { type NameLookup, systemLookup } from "./address-guard.ts";

/** A name that was not found in so long has servers that are silent; others say at once that there is no such name. */
const SILENT_MS = 1_000;

/**
 * Resolves names for many probes, so that a name whose servers are silent holds up no other.
 *
 * The system resolves two names at a time, takes seconds to give one up, and cannot be told to stop. So each name is asked
 * for once at a time, and who asks meanwhile gets that answer; and names that were silent the last time are asked for one
 * behind the other, which leaves a place for the others.
 */
export function sharedLookup(lookup: NameLookup = systemLookup, clock: Pick<Clock, "nowMs"> = systemClock): NameLookup {
  const underWay = new Map<string, ReturnType<NameLookup>>();
  const silent = new Set<string>();
  let lastSilent: Promise<unknown> = Promise.resolve();

  const ask: NameLookup = async (name) => {
    const begunMs = clock.nowMs();
    try {
      const found = await lookup(name);
      silent.delete(name);
      return found;
    } catch (error) {
      if (clock.nowMs() - begunMs < SILENT_MS) silent.delete(name);
      else silent.add(name);
      throw error;
    }
  };
  const askInTurn: NameLookup = (name) => {
    const asked = lastSilent.then(() => ask(name));
    lastSilent = asked.catch(() => undefined);
    return asked;
  };
  return (name) => {
    const before = underWay.get(name);
    if (before !== undefined) return before;
    const asked = (silent.has(name) ? askInTurn(name) : ask(name)).finally(() => underWay.delete(name));
    underWay.set(name, asked);
    return asked;
  };
}
