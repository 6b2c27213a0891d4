import type { LogTuning } from "@dister/log";
import type { CompactionOptions, RaftOptions } from "@dister/raft";
import { Dice } from "./dice.ts";

/** How one run is made: drawn from its seed. */
export interface Setting {
  readonly seed: number;
  /** Voters at the beginning, 1 to 7, and machines that wait to be taken in. */
  readonly voters: number;
  readonly spares: number;
  readonly clients: number;
  /** True time in which faults happen; the quiet time behind it is not counted. */
  readonly stormMs: number;
  readonly raft: Partial<RaftOptions> & { readonly electionTimeoutMs: number };
  readonly log: Partial<LogTuning>;
  readonly compaction: CompactionOptions;
}

export function settingOf(seed: number): Setting {
  const dice = Dice.of(seed, "setting");
  const voters = (seed % 7) + 1;
  return {
    seed,
    voters,
    spares: dice.chance(0.5) ? 1 : 0,
    clients: 2 + dice.below(2),
    stormMs: dice.between(1_500, 4_500),
    raft: {
      heartbeatMs: 50,
      electionTimeoutMs: 200 + 100 * dice.below(3),
      compareMs: 20,
      measureMs: 2_000,
      inflightAppendsMax: dice.pick([1, 2, 8]),
      appendBytesMax: dice.pick([64, 256, 4_096]),
      uncommittedBytesMax: dice.pick([400, 16_384]),
    },
    log: {
      entriesPerFile: dice.pick([4, 16, 64]),
      fileBytesMax: dice.pick([2_048, 65_536]),
      preallocateBytes: dice.pick([0, 2_048]),
      cacheBytes: dice.pick([0, 512, 65_536]),
      openFilesMax: 2,
    },
    compaction: { checkpointEntries: dice.pick([5, 20, 1_000]), keepEntries: dice.pick([0, 5, 30]) },
  };
}
