import type { LogTuning } from "@dister/log";
import type { CompactionOptions, RaftOptions } from "@dister/raft";
import { Dice } from "./dice.ts";

/** What the faults of a run are about: a run in which everything happens seldom gets to the bottom of anything. */
export const THEMES = ["all", "elections", "replication", "membership", "snapshots", "disk", "reads"] as const;
export type Theme = (typeof THEMES)[number];

/** How one run is made: drawn from its seed. */
export interface Setting {
  readonly seed: number;
  readonly theme: Theme;
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

/** Sizes that decide nothing alone are left to few runs: three is where one failure is most of what can be borne. */
const VOTERS = [3, 3, 3, 3, 3, 3, 3, 3, 5, 5, 5, 4, 4, 2, 1, 6, 7] as const;
/** An even number is where two changes of the members can go apart (scenario M2). */
const VOTERS_THAT_CHANGE = [3, 3, 4, 4, 4, 2, 5] as const;

export function settingOf(seed: number): Setting {
  const dice = Dice.of(seed, "setting");
  const theme = dice.chance(0.2) ? "all" : dice.pick(THEMES);
  const voters = dice.pick(theme === "membership" ? VOTERS_THAT_CHANGE : VOTERS);
  const heartbeatMs = dice.pick([20, 30, 50]);
  const electionTimeoutMs = heartbeatMs * dice.pick([3, 4, 6]);
  const isSnapshots = theme === "snapshots";
  return {
    seed,
    theme,
    voters,
    spares: dice.chance(theme === "membership" ? 0.9 : 0.3) ? 1 : 0,
    clients: 2 + dice.below(theme === "reads" ? 4 : 2),
    // As many elections as there are in a longer storm of slower nodes, and no more messages between them.
    stormMs: electionTimeoutMs * dice.between(8, 18),
    raft: {
      heartbeatMs,
      electionTimeoutMs,
      compareMs: heartbeatMs / 2,
      measureMs: 2_000,
      inflightAppendsMax: dice.pick([1, 2, 8]),
      appendBytesMax: dice.pick(theme === "replication" ? [64, 64, 128] : [64, 256, 4_096]),
      uncommittedBytesMax: dice.pick([400, 16_384]),
    },
    log: {
      entriesPerFile: dice.pick(theme === "disk" || theme === "replication" ? [3, 3, 4, 64] : [4, 16, 64]),
      fileBytesMax: dice.pick([2_048, 65_536]),
      preallocateBytes: dice.pick([0, 2_048]),
      cacheBytes: dice.pick([0, 512, 65_536]),
      openFilesMax: 2,
    },
    compaction: {
      checkpointEntries: dice.pick(isSnapshots ? [3, 5] : [5, 20, 1_000]),
      keepEntries: dice.pick(isSnapshots ? [0, 0, 3] : [0, 5, 30]),
      // Some kilobytes are below what sizes are known to: entries alone decide here.
      ...{ checkpointBytes: 2 ** 30, keepBytes: 2 ** 30, holdBytes: 2 ** 30 },
      holdEntries: 8,
    },
  };
}
