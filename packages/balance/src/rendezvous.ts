/**
 * Ranks candidates for a key by rendezvous hashing (highest random weight): every chooser with the same list comes to
 * the same order, keys spread evenly over the first places, and a candidate that comes or goes moves no key but its own.
 * @param key - any text; equal text, equal order.
 * @param candidates - in any order; their ids are different.
 * @returns a new list, the best first: whoever finds the first one out of order takes the second.
 */
export function rankByKey<T>(key: string, candidates: readonly T[], idOf: (candidate: T) => string): T[] {
  return candidates
    .map((candidate) => {
      const id = idOf(candidate);
      return { candidate, id, score: mixed(hashed(key, hashed(id, OFFSET))) };
    })
    .sort((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1))
    .map(({ candidate }) => candidate);
}

/** FNV-1a, 32 bits, over UTF-16 units. */
const OFFSET = 0x811c9dc5;
const PRIME = 0x01000193;

function hashed(text: string, seed: number): number {
  let hash = seed;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), PRIME);
  // The end of a text counts, so that ("ab", "c") and ("a", "bc") differ.
  return Math.imul(hash ^ 0x1ffff, PRIME);
}

/** Murmur3's finalizer: without it the order of two ids would hardly change from one key to the next. */
function mixed(hash: number): number {
  let mix = hash ^ (hash >>> 16);
  mix = Math.imul(mix, 0x85ebca6b);
  mix ^= mix >>> 13;
  mix = Math.imul(mix, 0xc2b2ae35);
  return (mix ^ (mix >>> 16)) >>> 0;
}
