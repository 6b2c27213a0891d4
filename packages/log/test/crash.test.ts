import { afterAll, describe, expect, test } from "vitest";
import { type CrashCounts, CrashLab, type Effort } from "./crash-lab.ts";
import { WORKLOADS } from "./crash-workloads.ts";

/** Files of five entries, so that everything that concerns several files comes up soon. */
const TUNING = { entriesPerFile: 5, preallocateBytes: 2048, openFilesMax: 2 };

/** DISTER_CRASH_IMAGES: images of one moment at most, when there are more of them; for runs that may take longer. */
const IMAGES_MAX = Number(process.env["DISTER_CRASH_IMAGES"] ?? 1280);
const EFFORT: Effort = { images: IMAGES_MAX, recoveryImages: 2, processImages: 24, followingImages: 12 };
/** There is a run for each operation that fails, so that each needs less. */
const FAULT_EFFORT: Effort = { images: 20, recoveryImages: 2, processImages: 4, followingImages: 3 };
const WITH_FAULTS = [
  "batches",
  "a batch over file boundaries",
  "a conflicting suffix is replaced over file boundaries",
  "compaction of several files",
  "reset and an append at once",
  "appends while a compaction is pending",
];
const DISTINCT_MIN = 100_000;

const rows: [string, CrashCounts][] = [];
const keys = new Set<number>();

function count(name: string, lab: CrashLab): void {
  rows.push([name, lab.counts]);
  for (const key of lab.keys) keys.add(key);
}

describe("P1: a crash after any operation on the disk leaves what was acknowledged", { timeout: 600_000 }, () => {
  for (const [name, { turns, tuning }] of Object.entries(WORKLOADS)) {
    test(name, async () => {
      const lab = new CrashLab({ ...TUNING, ...tuning }, EFFORT);
      const run = await lab.crash(turns, name);
      expect(run.acknowledged).toBe(turns.flat().length);
      count(name, lab);
    });
  }

  for (const name of WITH_FAULTS) {
    test(`a failure of each operation, and then a crash: ${name}`, async () => {
      const { turns, tuning } = WORKLOADS[name]!;
      const lab = new CrashLab({ ...TUNING, ...tuning }, FAULT_EFFORT);
      await lab.fail(turns, name);
      count(`failures: ${name}`, lab);
    });
  }

  for (const [name, { turns, tuning }] of Object.entries(WORKLOADS)) {
    test(`the process ends, and the power fails later: ${name}`, async () => {
      const lab = new CrashLab({ ...TUNING, ...tuning }, EFFORT);
      await lab.endProcess(turns, name);
      count(`next process: ${name}`, lab);
    });
  }

  test(`at least ${DISTINCT_MIN} different images were looked at`, () => {
    expect(keys.size).toBeGreaterThanOrEqual(DISTINCT_MIN);
  });

  afterAll(() => console.log(tableOf(rows)));
});

function tableOf(lines: readonly [string, CrashCounts][]): string {
  const titles = ["crash points", "subsets", "images", "in recovery", "next process", "later call", "recoveries"];
  const fields = [
    "crashPoints",
    "subsets",
    "images",
    "recoveryImages",
    "processImages",
    "followingImages",
    "recoveries",
  ] as const;
  const sums = fields.map((field) => lines.reduce((sum, [, counts]) => sum + counts[field], 0));
  const line = (name: string, values: readonly (string | number)[]): string =>
    `${name.slice(0, 72).padEnd(72)}${values.map((value) => String(value).padStart(14)).join("")}`;
  return [
    line("crash images by workload", titles),
    ...lines.map(([name, counts]) =>
      line(
        name,
        fields.map((field) => counts[field]),
      ),
    ),
    line("together", sums),
    `different images: ${keys.size}`,
  ].join("\n");
}
