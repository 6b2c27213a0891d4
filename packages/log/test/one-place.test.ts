import { isDisterError } from "@dister/types";
import { describe, expect, test } from "vitest";
import { DATA_OFFSET, type LogLab } from "./log-lab.ts";
import { HARD, logOf, wanted } from "./suspect-lab.ts";

const LAST = 16;
const BASES = [1, 11];
/** What a suspect log may say that it lost: a byte behind the last record may be all that is left of one more. */
const MARKS = [LAST, LAST + 1];
const END_OF_FIRST_RECORDS = DATA_OFFSET + 64 + 84 + 96;

/**
 * Opens a damaged log and checks what must hold whatever the damage is.
 * @returns how many entries were left, or why it was refused.
 */
async function outcomeOf(lab: LogLab, where: string): Promise<number | string> {
  const log = await lab.open().catch((error: unknown) => {
    if (isDisterError(error, "DISTER_ERR_LOG_CORRUPT")) return String(error);
    throw error;
  });
  if (typeof log === "string") return log;
  expect(log.hardState(), where).toEqual({ ...HARD, commit: log.hardState().commit });
  const readable = log.read(1, log.lastIndex(), 1e6);
  expect(readable, where).toEqual(wanted(1, log.lastIndex()));
  if (log.recovery.damage === undefined) expect(log.suspect().index, where).toBe(0);
  else {
    const { index, term } = log.suspect();
    expect(MARKS, where).toContain(index);
    expect(term, where).toBe(HARD.term);
  }
  await log.close();
  return log.lastIndex();
}

/** Reads everything, as a node does sooner or later; damage that is found by that is dealt with at the next start. */
async function outcomeInTheEnd(lab: LogLab, where: string): Promise<number | string> {
  const log = await lab.open().catch(() => undefined);
  if (log !== undefined) {
    try {
      log.read(1, LAST, 1e6);
      for (let from = 1; from <= log.lastIndex(); ) {
        const found = log.verify(from, 1e6);
        if (found.damaged) break;
        from = found.next;
      }
    } catch (error) {
      expect(isDisterError(error, "DISTER_ERR_LOG_CORRUPT"), `${where}: ${String(error)}`).toBe(true);
    }
    const isCut = log.recovery.damage !== undefined;
    const [last, index] = [log.lastIndex(), log.suspect().index];
    await log.close();
    if (isCut) {
      expect(MARKS, where).toContain(index);
      return last;
    }
  }
  return outcomeOf(lab, where);
}

describe("damage of any one place", { timeout: 120_000 }, () => {
  test("one byte: no entry is lost in silence, none is wrong, and no vote is forgotten", async () => {
    const sound = await logOf(LAST);
    const counts = { whole: 0, cut: 0, refused: 0 };
    for (const base of BASES) {
      const end = sound.startOf(base === 1 ? 9 : 5, base) + 104;
      const offsets = [...Array.from({ length: 12 }, (_, at) => at * 9), 4000];
      for (let offset = DATA_OFFSET; offset < end + 10; offset += 7) offsets.push(offset);
      for (const offset of offsets) {
        const lab = await logOf(LAST);
        lab.flip(offset, 1, base);
        const where = `file ${base}, byte ${offset}`;
        const outcome = await outcomeInTheEnd(lab, where);
        if (typeof outcome === "string") {
          expect([base, offset < END_OF_FIRST_RECORDS], `${where}: ${outcome}`).toEqual([1, true]);
          counts.refused++;
        } else if (outcome === LAST) {
          const isOfNoRecord = offset < DATA_OFFSET || offset >= end;
          expect(isOfNoRecord, `${where} is damaged and nobody has noticed`).toBe(true);
          counts.whole++;
        } else {
          counts.cut++;
        }
      }
    }
    expect(counts.whole).toBeGreaterThan(10);
    expect(counts.cut).toBeGreaterThan(150);
    expect(counts.refused).toBeGreaterThan(10);
  });

  test("one sector of zeros: only where nothing lies behind it may it look like what a crash has cut", async () => {
    const sound = await logOf(LAST);
    const end = sound.startOf(5, 11) + 104;
    let inSilence = 0;
    for (const base of BASES) {
      const size = sound.bytes(base).length;
      for (let offset = 0; offset < size; offset += 512) {
        const lab = await logOf(LAST);
        lab.zero(offset, 512, base);
        const where = `file ${base}, sector at ${offset}`;
        const outcome = await outcomeInTheEnd(lab, where);
        if (typeof outcome === "string") {
          expect([base, offset < END_OF_FIRST_RECORDS], `${where}: ${outcome}`).toEqual([1, true]);
          continue;
        }
        const log = await lab.open();
        if (log.lastIndex() < LAST && log.suspect().index === 0) {
          expect([base, offset + 512 >= end], where).toEqual([11, true]);
          inSilence++;
        }
        await log.close();
      }
    }
    expect(inSilence).toBe(1);
  });
});
