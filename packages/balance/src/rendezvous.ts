/**
 * Ranks candidates for a key by rendezvous hashing (highest random weight): every chooser with the same list comes to
 * the same order, keys spread evenly over the first places, and a candidate that comes or goes moves no key but its own.
 * @param key - any text; equal text, equal order.
 * @param candidates - in any order; their ids are different.
 * @returns a new list, the best first: whoever finds the first one out of order takes the second.
 */
export function rankByKey<T>(key: string, candidates: readonly T[], idOf: (candidate: T) => string): T[] {
  const keyHash = hashOf(key, KEY_SEED);
  return candidates
    .map((candidate) => {
      const id = idOf(candidate);
      return { candidate, id, score: scoreOf(keyHash, hashOf(id, ID_SEED)) };
    })
    .sort((a, b) => b.score - a.score || (winsTie(keyHash, a.id, b.id) ? -1 : 1))
    .map(({ candidate }) => candidate);
}

/** Seeds differ, so that a key that reads like an id has nothing to do with it. */
export const KEY_SEED = 0x811c9dc5;
export const ID_SEED = 0x2f7d1b03;
const TIE_SEED = 0x5bd1e995;
const PRIME = 0x01000193;

/** A text as 32 bits: FNV-1a over UTF-16 units, finished so that every unit has moved every bit. */
export function hashOf(text: string, seed: number): number {
  let hash = seed;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), PRIME);
  return mixed(hash ^ text.length);
}

/** The place of an id among the others for a key: 0 to 2^32 - 1, the highest wins; as good as random for each pair. */
export function scoreOf(keyHash: number, idHash: number): number {
  return mixed(keyHash ^ idHash) >>> 0;
}

/**
 * Who of two with equal scores is first. Two ids of one hash score equal for every key, so another hash of the ids
 * decides: each of them still gets its half.
 */
export function winsTie(keyHash: number, id: string, other: string): boolean {
  const turned = Math.imul(keyHash, PRIME);
  const lead = scoreOf(turned, hashOf(id, TIE_SEED)) - scoreOf(turned, hashOf(other, TIE_SEED));
  return lead === 0 ? id < other : lead > 0;
}

/** Murmur3's finalizer: every bit of the input moves every bit of the output with a probability near one half. */
function mixed(hash: number): number {
  let mix = hash ^ (hash >>> 16);
  mix = Math.imul(mix, 0x85ebca6b);
  mix ^= mix >>> 13;
  mix = Math.imul(mix, 0xc2b2ae35);
  return mix ^ (mix >>> 16);
}
