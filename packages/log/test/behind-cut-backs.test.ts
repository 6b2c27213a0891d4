import { isDisterError, type LogStore } from "@dister/types";
import { describe, expect, test } from "vitest";
import { baseIndexOf } from "../src/file-header.ts";
import { DATA_OFFSET, LogLab } from "./log-lab.ts";
import { entryOf } from "./log-model.ts";

/** Files are full by their bytes. */
const OPTIONS = { fileBytesMax: 2_048, entriesPerFile: 100, preallocateBytes: 4_096 };
const SECTOR_BYTES = 512;
const STEP_BYTES = 23;

function basesOf(lab: LogLab): number[] {
  return lab.fileSystem.list("/log").flatMap((name) => baseIndexOf(name) ?? []);
}

/** Thirty entries; then each leader in turn replaces nine, which may reach back into files that are full. */
async function cutBackFrom(firsts: readonly number[]): Promise<LogLab> {
  const lab = new LogLab();
  await lab.with(async (log) => {
    await log.append({ entries: [], hardState: { term: 4, vote: "00000000000000AB", commit: 0 } });
    for (let index = 1; index <= 30; index++) await log.append({ entries: [entryOf(index, 1, 230)] });
    for (const [at, first] of firsts.entries()) {
      for (let index = first; index < first + 9; index++) await log.append({ entries: [entryOf(index, 2 + at, 230)] });
    }
  }, OPTIONS);
  return lab;
}

function textOf(log: LogStore): string {
  return JSON.stringify(log.read(1, log.lastIndex(), 1e9));
}

/** What is wrong with a damaged log when it is opened; undefined when it is suspect, refused, or all there. */
async function problemOf(lab: LogLab, sound: { last: number; text: string }): Promise<string | undefined> {
  try {
    return await lab.with((log) => {
      const { index } = log.suspect();
      if (index > 0) return index < sound.last ? `mark ${index} below ${sound.last}` : undefined;
      if (log.lastIndex() < sound.last) return `ends at ${log.lastIndex()} in silence`;
      return textOf(log) === sound.text ? undefined : "other entries";
    }, OPTIONS);
  } catch (error) {
    if (isDisterError(error, "DISTER_ERR_LOG_CORRUPT")) return undefined;
    throw error;
  }
}

describe("a file that follows a cut-back record, because that filled the one before", () => {
  test("with a damaged first record is damage, and no leftover of what was cut back", async () => {
    const lab = await cutBackFrom([5]);
    const [, second] = basesOf(lab);
    expect(second).toBe(5);
    await lab.with((log) => expect([log.lastIndex(), log.suspect().index]).toEqual([13, 0]), OPTIONS);
    lab.flip(DATA_OFFSET + 70, 1, second);
    await lab.with((log) => {
      expect(log.lastIndex()).toBe(4);
      expect(log.suspect().index).toBeGreaterThanOrEqual(13);
    }, OPTIONS);
  });

  test.each([[[5]], [[20, 12, 4]], [[14, 7, 8]]])(
    "hides no damage of one byte or sector, cut back from %j",
    { timeout: 60_000 },
    async (firsts) => {
      const lab = await cutBackFrom(firsts);
      const sound = await lab.with((log) => ({ last: log.lastIndex(), text: textOf(log) }), OPTIONS);
      const bases = basesOf(lab);
      const problems: string[] = [];
      const look = async (base: number, at: number, length: number): Promise<void> => {
        const damaged = await cutBackFrom(firsts);
        if (length === 1) damaged.flip(at, 1, base);
        else damaged.zero(at, length, base);
        for (const start of ["first", "second"]) {
          const problem = await problemOf(damaged, sound);
          // Zeros at the end of the last file look like a batch that was cut (docs/formats/log-file.md, "Not noticed").
          if (problem?.endsWith("in silence") && length === SECTOR_BYTES && base === bases.at(-1)) return;
          if (problem !== undefined) problems.push(`file ${base}, ${length} at ${at}, ${start} start: ${problem}`);
        }
      };
      for (const base of bases) {
        const size = lab.bytes(base).length;
        for (let at = DATA_OFFSET; at < Math.min(size, DATA_OFFSET + 2_600); at += STEP_BYTES) await look(base, at, 1);
        for (let at = 0; at < size; at += SECTOR_BYTES) await look(base, at, SECTOR_BYTES);
      }
      expect(problems).toEqual([]);
    },
  );
});
