import { Dice } from "../world/dice.ts";
import type { Setting } from "../world/setting.ts";

/** What can go wrong; the word behind the dot says where. */
export const FAULT_KINDS = [
  "process.kill",
  "process.power",
  "process.crash-at-io",
  "process.power-all",
  "process.pause",
  "process.stutter",
  "network.cut-leader",
  "network.halves",
  "network.one-way",
  "network.bridge",
  "network.ring",
  "network.reset",
  "network.slow-link",
  "network.storm",
  "disk.slow",
  "disk.hang",
  "disk.failed-sync",
  "disk.failed-write",
  "disk.full",
  "disk.damage",
  "time.rate",
  "time.jump",
  "operator.transfer",
  "operator.add-learner",
  "operator.promote",
  "operator.remove",
  "operator.checkpoint",
  "operator.scrub",
] as const;

export type FaultKind = (typeof FAULT_KINDS)[number];

/** How often each is drawn, 1 unless named. */
const WEIGHT: Partial<Record<FaultKind, number>> = {
  "process.kill": 3,
  "process.power": 4,
  "process.crash-at-io": 3,
  "process.pause": 3,
  "network.cut-leader": 3,
  "network.halves": 2,
  "network.storm": 2,
  "operator.transfer": 2,
  "operator.add-learner": 2,
  "operator.promote": 3,
  "operator.remove": 2,
  "disk.damage": 2,
};

/** One fault, with every number that it will need: taking one out leaves the others as they are. */
export interface Fault {
  readonly number: number;
  readonly kind: FaultKind;
  readonly atMs: number;
  readonly forMs: number;
  /** Numbers in [0, 1) that say whom and how. */
  readonly whom: number;
  readonly how: number;
  readonly more: number;
}

/** The faults of a run, in the order of their times. */
export function planFaults({ seed, stormMs }: Setting): Fault[] {
  const dice = Dice.of(seed, "faults");
  const kinds = FAULT_KINDS.flatMap((kind) => Array<FaultKind>(WEIGHT[kind] ?? 1).fill(kind));
  const count = 4 + dice.below(14);
  const drawn = Array.from({ length: count }, () => ({
    kind: dice.pick(kinds),
    atMs: dice.between(300, stormMs),
    // Most are short; a few last longer than any time-out.
    forMs: dice.chance(0.2) ? dice.between(800, 3_000) : dice.between(20, 800),
    whom: dice.next(),
    how: dice.next(),
    more: dice.next(),
  }));
  return drawn.sort((a, b) => a.atMs - b.atMs).map((fault, number) => ({ number, ...fault }));
}
