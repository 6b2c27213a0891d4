import { Chance } from "./chance.ts";

/** A time of trouble, healed at its end. */
export interface Phase {
  readonly number: number;
  /** How long trouble is made; recovery and final reads come on top. */
  readonly troubleMs: number;
  /** Names of the nemeses that are at work at once. */
  readonly nemeses: readonly string[];
  /** Of all that is drawn in this phase. */
  readonly seed: number;
}

/** What a phase costs on top of its trouble: recovery, a calm moment, final reads and checks. */
const SETTLE_MS = 6_000;
const TROUBLE_MS = 14_000;
const TROUBLE_MS_MIN = 5_000;
/** A phase of everything comes once in so many. */
const ALL_MIXED_EVERY = 5;

/**
 * The phases of one cluster: equal seeds give equal phases. Every nemesis comes before any comes again, one to three at
 * once, more when there is little time; and every fifth phase has all of them.
 */
export function scheduleOf(options: { seed: number; totalMs: number; nemeses: readonly string[] }): Phase[] {
  const { seed, totalMs, nemeses } = options;
  const chance = new Chance(seed);
  const count = Math.max(1, Math.round(totalMs / (TROUBLE_MS + SETTLE_MS)));
  const troubleMs = Math.max(TROUBLE_MS_MIN, Math.round(totalMs / count - SETTLE_MS));
  const atOnceMin = Math.max(1, Math.ceil(nemeses.length / count));
  let deck: string[] = [];
  return Array.from({ length: count }, (_, i) => {
    const drawn: string[] = [];
    const isAllMixed = count >= ALL_MIXED_EVERY && (i + 1) % ALL_MIXED_EVERY === 0;
    const atOnce = isAllMixed ? nemeses.length : Math.min(nemeses.length, Math.max(atOnceMin, chance.whole(1, 3)));
    if (isAllMixed) drawn.push(...nemeses);
    while (drawn.length < atOnce) {
      if (deck.length === 0) deck = chance.some(nemeses, nemeses.length);
      const next = deck.find((name) => !drawn.includes(name)) ?? deck[0]!;
      deck = deck.filter((name) => name !== next);
      if (!drawn.includes(next)) drawn.push(next);
    }
    return { number: i + 1, troubleMs, nemeses: drawn, seed: chance.whole(0, 2 ** 31 - 1) };
  });
}
