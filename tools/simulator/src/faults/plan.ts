import { Dice } from "../world/dice.ts";
import type { Setting, Theme } from "../world/setting.ts";

/** What can go wrong; the word before the dot says where. */
export const FAULT_KINDS = [
  "process.kill",
  "process.power",
  "process.crash-at",
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
  "disk.all-slow",
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
  "operator.replace",
  "operator.burst",
  "operator.checkpoint",
  "operator.scrub",
  "story.fallen-leaders",
  "story.forgotten-leader",
  "story.slow-reader",
  "story.two-changes",
  "story.lost-votes",
  "story.left-behind",
  "story.damaged-voter",
  "story.overwritten-damage",
  "story.slow-disks",
] as const;

export type FaultKind = (typeof FAULT_KINDS)[number];

/** How often each is drawn, 1 unless named. */
const WEIGHT: Partial<Record<FaultKind, number>> = {
  "process.kill": 2,
  "process.power": 3,
  "process.crash-at": 8,
  "process.crash-at-io": 3,
  "process.pause": 2,
  "network.cut-leader": 3,
  "network.halves": 2,
  "network.storm": 2,
  "operator.transfer": 2,
  "operator.add-learner": 2,
  "operator.promote": 3,
  "operator.remove": 2,
  "disk.damage": 2,
};

/** Kinds that a theme draws half of its faults from. */
const OF_THEME: Readonly<Record<Exclude<Theme, "all">, readonly FaultKind[]>> = {
  elections: [
    "process.crash-at",
    "disk.all-slow",
    "network.slow-link",
    "network.cut-leader",
    "operator.transfer",
    "network.storm",
  ],
  replication: [
    "process.crash-at",
    "network.storm",
    "network.halves",
    "disk.slow",
    "disk.all-slow",
    "network.slow-link",
  ],
  membership: ["operator.add-learner", "operator.promote", "operator.remove", "operator.burst", "operator.replace"],
  snapshots: ["process.crash-at", "operator.checkpoint", "network.one-way", "network.reset", "operator.add-learner"],
  disk: ["disk.damage", "disk.damage", "process.crash-at-io", "process.crash-at", "process.power", "disk.slow"],
  reads: ["process.pause", "network.cut-leader", "time.rate", "network.slow-link", "process.kill"],
};

/** Stories that runs of a theme are built around. */
const STORY_OF: Readonly<Record<Theme, readonly FaultKind[]>> = {
  all: [],
  elections: ["story.lost-votes", "story.fallen-leaders"],
  replication: ["story.fallen-leaders", "story.fallen-leaders", "story.slow-disks"],
  membership: ["story.two-changes"],
  snapshots: ["story.left-behind"],
  disk: [
    "story.damaged-voter",
    "story.damaged-voter",
    "story.overwritten-damage",
    "story.overwritten-damage",
    "story.left-behind",
  ],
  reads: ["story.forgotten-leader", "story.slow-reader"],
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
export function planFaults({ seed, theme, stormMs, raft }: Setting): Fault[] {
  const dice = Dice.of(seed, "faults");
  const usual = FAULT_KINDS.filter((kind) => !kind.startsWith("story."));
  const any = usual.flatMap((kind) => Array<FaultKind>(WEIGHT[kind] ?? 1).fill(kind));
  const { electionTimeoutMs } = raft;
  const number = (kind: FaultKind, atMs: number): Omit<Fault, "number"> => ({
    kind,
    atMs,
    // Most are short; a few last longer than any time-out.
    forMs: electionTimeoutMs * (dice.chance(0.2) ? dice.between(3, 8) : dice.between(0.1, 3)),
    whom: dice.next(),
    how: dice.next(),
    more: dice.next(),
  });
  const firstMs = 3 * electionTimeoutMs;
  const stories = STORY_OF[theme];
  const story = stories.length > 0 && dice.chance(0.75) ? dice.pick(stories) : undefined;
  // Beside a story little else happens, or it would seldom come to its end.
  const count = story === undefined ? 4 + dice.below(10) : dice.below(5);
  const drawn = Array.from({ length: count }, () => {
    const isOfTheme = theme !== "all" && dice.chance(0.6);
    return number(dice.pick(isOfTheme ? OF_THEME[theme] : any), dice.between(firstMs, stormMs));
  });
  if (story !== undefined) drawn.push(number(story, firstMs));
  return drawn.sort((a, b) => a.atMs - b.atMs).map((fault, at) => ({ number: at, ...fault }));
}
