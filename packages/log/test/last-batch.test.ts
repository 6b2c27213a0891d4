import type { LogEntry } from "@dister/types";
import { SeededRng } from "@dister/types/testing";
import { describe, expect, test } from "vitest";
import { DATA_OFFSET, FIRST_RECORDS_END, LogLab } from "./log-lab.ts";
import { entryOf } from "./log-model.ts";
import { HARD } from "./suspect-lab.ts";

const SECTOR_BYTES = 512;

/** An entry of which the payload ends in zeros. */
function zeroEnded(index: number, bytes: number, zeros: number): LogEntry {
  const entry = entryOf(index, 1, bytes);
  entry.payload.fill(0, bytes - zeros);
  return entry;
}

describe("a record that holds a sector of zeros", () => {
  /** Record 1 begins in the first sector of the data area and reaches over a sector of zeros into the one of 2 to 4. */
  async function zerosBeforeOthers(): Promise<LogLab> {
    const lab = new LogLab();
    await lab.with(async (log) => {
      await log.append({ entries: [zeroEnded(1, 3 * SECTOR_BYTES + 20 - 64 - 244, 1_100)] });
      expect(lab.startOf(0)).toBe(FIRST_RECORDS_END);
      await log.append({ entries: [entryOf(2, 1), entryOf(3, 1)] });
      await log.append({ entries: [entryOf(4, 1)] });
    });
    return lab;
  }

  test("and garbage in its last sector, which hides the batches behind it: that is damage, not a batch that was cut", async () => {
    const lab = await zerosBeforeOthers();
    lab.damage(DATA_OFFSET + 3 * SECTOR_BYTES, new SeededRng(1).bytes(SECTOR_BYTES));
    await lab.with((log) => {
      expect(log.lastIndex()).toBe(0);
      expect(log.suspect().index).toBeGreaterThanOrEqual(4);
    });
  });

  test("and a header that is damaged, of which no sector is missing, is damage", async () => {
    const lab = new LogLab();
    await lab.with((log) => log.append({ entries: [zeroEnded(1, 1_500, 1_400)] }));
    lab.flip(lab.startOf(0) + 20, 1);
    await lab.with((log) => expect([log.lastIndex(), log.suspect().index]).toEqual([0, 1]));
  });
});

describe("a batch that replaced others and that a read found damaged", () => {
  test("is not taken for one that was cut: what it had replaced does not come back without a mark", async () => {
    const lab = new LogLab();
    await lab.with(async (log) => {
      await log.append({
        entries: [entryOf(1, 1), entryOf(2, 1, 40), entryOf(3, 1, 500)],
        hardState: { ...HARD, commit: 0 },
      });
      await log.append({ entries: [entryOf(2, 2, 1_500)] });
      const start = lab.startOf(1);
      for (let at = start; at < start + 1_564; at += SECTOR_BYTES)
        lab.zero(at, Math.min(SECTOR_BYTES, start + 1_564 - at));
      expect(() => log.read(2, 2, 1e6)).toThrow("the log is damaged");
    });
    await lab.with((log) => expect(log.suspect().index).toBeGreaterThanOrEqual(2));
  });
});
