import { describe, expect, test } from "vitest";
import type { DiskLog } from "../src/index.ts";
import type { LogLab } from "./log-lab.ts";
import { entryOf } from "./log-model.ts";
import { HARD, logOf, wanted } from "./suspect-lab.ts";

describe("damage that is found while the log is open", () => {
  /** A log of which an entry in the middle of an older file is damaged: a start does not see that. */
  async function damagedInside(): Promise<LogLab> {
    const lab = await logOf(36);
    lab.flip(lab.startOf(4, 11) + 80, 1, 11);
    await lab.with((log) => expect([log.lastIndex(), log.suspect().index]).toEqual([36, 0]));
    return lab;
  }

  function readDamaged(log: DiskLog): void {
    expect(() => log.read(15, 15, 1000)).toThrow("the log is damaged");
  }

  test("is noted before it is said, so that the next start looks at that file and cuts there", async () => {
    const lab = await damagedInside();
    const log = await lab.open();
    readDamaged(log);
    lab.fileSystem.crash();
    const offset = lab.startOf(4, 11);
    await lab.expectSuspect("ends before the next one begins", { lastIndex: 14, index: 36, baseIndex: 11, offset });
    await lab.with((again) => expect(again.read(1, 40, 1e6)).toEqual(wanted(1, 14)));
  });

  test("when a term is asked for, the same", async () => {
    const lab = await logOf(36);
    lab.flip(lab.startOf(0, 11) + 80, 1, 11);
    const log = await lab.open();
    expect(() => log.termAt(12)).toThrow("the log is damaged");
    lab.fileSystem.crash();
    await lab.with((again) => expect([again.lastIndex(), again.suspect().index]).toEqual([10, 36]));
  });

  test("in two files: the older one is looked at, whichever was found first", async () => {
    for (const order of [
      [15, 27],
      [27, 15],
    ]) {
      const lab = await damagedInside();
      lab.flip(lab.startOf(6, 21) + 80, 1, 21);
      await lab.with((log) => {
        for (const index of order) expect(() => log.read(index, index, 0)).toThrow("damaged");
      });
      await lab.with((log) => expect([log.lastIndex(), log.suspect().index]).toEqual([14, 36]));
    }
  });

  test("in the last file: the next start finds it anyway", async () => {
    const lab = await logOf(16);
    const log = await lab.open();
    lab.flip(lab.startOf(2, 11) + 80, 1, 11);
    expect(() => log.read(13, 13, 0)).toThrow("damaged");
    await log.close();
    await lab.with((again) => expect([again.lastIndex(), again.suspect().index]).toEqual([12, 16]));
  });

  test("in the last record, of which it left a sector of zeros: the next start takes it for no cut batch", async () => {
    const lab = await logOf(8);
    await lab.with(async (log) => {
      await log.append({ entries: [entryOf(9, 2, 2000)] });
      lab.zero(Math.ceil((lab.startOf(8) + 100) / 512) * 512, 512);
      expect(() => log.read(9, 9, 1e6)).toThrow("the log is damaged");
    });
    await lab.with((log) => expect([log.lastIndex(), log.suspect().index]).toEqual([8, 9]));
  });

  test("that is gone at the next start is forgotten, and the file is not read whole again", async () => {
    const lab = await damagedInside();
    await lab.with(readDamaged);
    lab.flip(lab.startOf(4, 11) + 80, 1, 11);
    await lab.with((log) => {
      expect([log.lastIndex(), log.suspect().index, log.recovery.damage]).toEqual([36, 0, undefined]);
      expect(log.read(1, 40, 1e6)).toEqual(wanted(1, 36));
    });
    lab.flip(lab.startOf(4, 11) + 80, 1, 11);
    await lab.with((log) => expect([log.lastIndex(), log.suspect().index]).toEqual([36, 0]));
  });

  test("that was noted of a file which compaction has removed since is forgotten", async () => {
    const lab = await damagedInside();
    await lab.with(async (log) => {
      readDamaged(log);
      await log.compact(25);
    });
    await lab.with((log) => expect([log.base().index, log.lastIndex(), log.suspect().index]).toEqual([20, 36, 0]));
  });

  test("in a later file than one that was noted and is gone since is found as well", async () => {
    const lab = await damagedInside();
    lab.flip(lab.startOf(6, 21) + 80, 1, 21);
    await lab.with(async (log) => {
      readDamaged(log);
      await log.compact(20);
      expect(() => log.read(27, 27, 0)).toThrow("the log is damaged");
    });
    await lab.with((log) => expect([log.base().index, log.lastIndex(), log.suspect().index]).toEqual([20, 26, 36]));
  });

  test("and cannot be noted is the end of the log", async () => {
    const lab = await damagedInside();
    const log = await lab.open();
    lab.fileSystem.inject({ operation: "sync", nth: 1, error: "EIO" });
    readDamaged(log);
    await expect(log.append({ entries: [entryOf(37, 2)] })).rejects.toThrow("EIO");
    await log.close();
  });

  test("while a hard state is on its way loses neither", async () => {
    const lab = await damagedInside();
    const log = await lab.open();
    const release = lab.fileSystem.holdSyncs();
    const hardState = { ...HARD, term: 9 };
    const appended = log.append({ entries: [], hardState });
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    readDamaged(log);
    release();
    await appended;
    lab.fileSystem.crash();
    await lab.with((again) =>
      expect([again.hardState(), again.suspect()]).toEqual([hardState, { index: 36, term: 9 }]),
    );
  });
});
