import { isDisterError } from "@dister/types";
import { type CrashChoice, SeededRng } from "@dister/types/testing";
import { describe, expect, test } from "vitest";
import { ITEM_BYTES } from "../src/item.ts";
import { RECORD_HEADER_BYTES } from "../src/record.ts";
import { decodeStateSlot } from "../src/state-slot.ts";
import { DATA_OFFSET, FIRST_RECORDS_END, LogLab } from "./log-lab.ts";
import { entriesOf, entryOf } from "./log-model.ts";
import { HARD, logOf, names, RECORD_BYTES, truncate, wanted } from "./suspect-lab.ts";

describe("a log of which entries are damaged is cut before them and suspect (duty 9)", () => {
  test("in the middle of the last file: up to the last entry that was there", async () => {
    const lab = await logOf(9);
    const offset = lab.startOf(6);
    lab.flip(offset + 80, 1);
    await lab.expectSuspect("of a later batch", { lastIndex: 6, index: 9, offset });
    await lab.with((log) => {
      expect(log.read(1, 9, 1e6)).toEqual(wanted(1, 6));
      expect(log.hardState()).toEqual(HARD);
    });
    expect(names(lab)).toEqual(["1.dlog", "1.dlog.damaged", "state"]);
  });

  test("also where neither items nor headers are there to tell, as far as the other of both does", async () => {
    for (const lose of [
      // Every header behind the damage, or every item.
      (lab: LogLab) => {
        for (const slot of [7, 8]) lab.flip(lab.startOf(slot), 64);
      },
      (lab: LogLab) => lab.zero(60, 30),
    ]) {
      const lab = await logOf(9);
      lab.flip(lab.startOf(6) + 20, 1);
      lose(lab);
      await lab.with((log) => expect([log.lastIndex(), log.suspect().index]).toEqual([6, 9]));
    }
  });

  test("where the items are damaged as well as the records that nobody speaks of any more: as many as there is room for", async () => {
    const lab = await logOf(9);
    // The last three records, and every item from the second on.
    lab.flip(lab.startOf(6), 3 * RECORD_BYTES);
    lab.flip(10, 80);
    await lab.with((log) => {
      expect(log.lastIndex()).toBe(6);
      expect(log.suspect().index).toBeGreaterThanOrEqual(9);
      expect(log.suspect().index).toBeLessThanOrEqual(6 + Math.ceil((3 * RECORD_BYTES) / 64));
    });
  });

  test("an item that leads nowhere does not raise what may have been acknowledged", async () => {
    const lab = await logOf(8);
    lab.flip(lab.startOf(7) + 80, 1);
    lab.damage(90, Buffer.from("ffffffffffffffffffff", "hex"));
    await lab.with((log) => expect([log.lastIndex(), log.suspect().index]).toEqual([7, 8]));
  });

  test("bytes of a client that look like a record behind the damage raise nothing", async () => {
    const lab = new LogLab();
    const real = await logOf(9);
    const fake = real.bytes().subarray(real.startOf(8), real.startOf(8) + RECORD_BYTES);
    await lab.with(async (log) => {
      await log.append({ entries: entriesOf(1, 2, 1) });
      // The record lies in the payload where it says that it does.
      const start = FIRST_RECORDS_END + 2 * RECORD_BYTES;
      const payload = new Uint8Array(real.startOf(8) - start - 64 + RECORD_BYTES).fill(1);
      payload.set(fake, payload.length - RECORD_BYTES);
      await log.append({ entries: [{ ...entryOf(3, 1), payload }] });
    });
    expect(lab.bytes().subarray(real.startOf(8), real.startOf(8) + RECORD_BYTES)).toEqual(fake);
    lab.flip(lab.startOf(1) + 80, 1);
    await lab.with((log) => expect([log.lastIndex(), log.suspect().index]).toEqual([1, 3]));
  });

  test("an item of a sound record that says that it is longer does not hide what lies behind", async () => {
    const lab = await logOf(10);
    // The headers of the last two entries, and from the length of the third last on what the items say.
    for (const slot of [8, 9]) lab.flip(lab.startOf(slot) + 15, 1);
    lab.damage(7 * ITEM_BYTES + 8, Buffer.from(`0fff${"ff".repeat(2 * ITEM_BYTES)}`, "hex"));
    await lab.with((log) => {
      expect(log.lastIndex()).toBe(8);
      expect(log.suspect().index).toBeGreaterThanOrEqual(10);
    });
  });

  test("also where the last item leads nowhere and its record cannot be read: as many as may lie there", async () => {
    for (const [at, bytes] of [
      [2, "10"], // A start that is far behind what a file ever is.
      [3, "01"],
      [0, "0000000000"], // None.
      [0, "00".repeat(ITEM_BYTES)], // As if there never was one.
      [8, "0001"], // Shorter than a header.
    ] as const) {
      const lab = await logOf(9);
      lab.flip(lab.startOf(8) + 15, 1);
      lab.damage(8 * ITEM_BYTES + at, Buffer.from(bytes, "hex"));
      await lab.with((log) => {
        expect(log.lastIndex()).toBe(8);
        expect(log.suspect().index).toBeGreaterThanOrEqual(9);
        expect(log.suspect().index).toBeLessThanOrEqual(8 + Math.ceil(RECORD_BYTES / RECORD_HEADER_BYTES));
      });
    }
  });

  test("entries that were replaced before do not count", async () => {
    const lab = new LogLab();
    await lab.with(async (log) => {
      await log.append({ entries: entriesOf(1, 9, 1) });
      await log.append({ entries: entriesOf(3, 5, 2) });
      await log.append({ entries: [entryOf(6, 2)] });
    });
    const offset = FIRST_RECORDS_END + RECORD_BYTES;
    lab.flip(offset + 70, 1);
    await lab.expectSuspect("of a later batch", { lastIndex: 1, index: 6, offset });
  });

  test("a file that ends early at rest: up to the items that are left", async () => {
    const lab = await logOf(9);
    truncate(lab, lab.startOf(4) + 10);
    await lab.expectSuspect("no sector of it is missing", { lastIndex: 4, index: 9 });
  });

  test("many entries that are all zeros are more than a crash can cut", async () => {
    const lab = new LogLab();
    const options = { entriesPerFile: 10_000 };
    await lab.with(async (log) => {
      for (let index = 1; index < 6000; index += 1000) {
        await log.append({ entries: entriesOf(index, index + 999, 1, 200) });
      }
    }, options);
    const start = lab.startOf(1000);
    lab.zero(start, lab.bytes().length - start);
    await lab.with((log) => {
      expect(log.recovery.damage).toContain("5000 entries are not there, more than one batch holds");
      expect([log.lastIndex(), log.suspect().index]).toEqual([1000, 6000]);
    }, options);
  });

  test("in an older file, found by its end: later files go as well, and each is kept", async () => {
    const lab = await logOf(26);
    const kept = [11, 21].map((base) => lab.bytes(base));
    const offset = lab.startOf(9);
    lab.flip(offset + 3, 1);
    await lab.expectSuspect("the file ends before the next one begins", { lastIndex: 9, index: 26, offset });
    expect(names(lab)).toEqual(["1.dlog", "1.dlog.damaged", "11.dlog.damaged", "21.dlog.damaged", "state"]);
    expect(
      ["/log/0000000000000011.dlog.damaged", "/log/0000000000000021.dlog.damaged"].map((path) => {
        return Buffer.from(lab.fileSystem.contents(path));
      }),
    ).toEqual(kept);
  });

  test("the first records of a later file, first or second: the log ends with the file before", async () => {
    for (const [at, reason] of [
      [5, "the first record of the file is missing or damaged"],
      [100, "the first record of the file is missing or damaged"],
      [64 + 84 + 70, "the first records of the file are damaged"],
    ] as const) {
      const lab = await logOf(26);
      lab.flip(DATA_OFFSET + at, 1, 21);
      await lab.expectSuspect(reason, { lastIndex: 20, index: 26, baseIndex: 21 });
      expect(names(lab)).toEqual(["1.dlog", "11.dlog", "21.dlog.damaged", "state"]);
      await lab.with((log) => expect(log.read(1, 40, 1e6)).toEqual(wanted(1, 20)));
    }
  });

  test("the first record of a file in the middle: up to the end of the last one", async () => {
    const lab = await logOf(36);
    lab.flip(DATA_OFFSET + 70, 1, 11);
    await lab.expectSuspect("the first record", { lastIndex: 10, index: 36, baseIndex: 11, offset: DATA_OFFSET });
    expect(names(lab)).toEqual(["1.dlog", "11.dlog.damaged", "21.dlog.damaged", "31.dlog.damaged", "state"]);
  });

  test("a leftover of a truncation whose first record is damaged is a leftover and no damage", async () => {
    const lab = await logOf(16);
    const log = await lab.open();
    lab.fileSystem.inject({ operation: "remove", nth: 1, error: "EIO" });
    await log.append({ entries: [entryOf(7, 3)] }).catch(() => {});
    await log.close();
    lab.flip(DATA_OFFSET + 3, 1, 11);
    await lab.with((again) => expect([again.lastIndex(), again.suspect().index]).toEqual([6, 0]));
    expect(names(lab)).toEqual(["1.dlog", "state"]);
  });
});

describe("a log is refused, and nothing is changed, where it cannot be shown what is lost", () => {
  test("the first records of the first file", async () => {
    for (const at of [5, 90]) {
      const lab = await logOf(16);
      lab.flip(DATA_OFFSET + at, 1);
      await lab.expectCorrupt("the first record of the file is missing or damaged");
    }
    const lab = await logOf(6);
    lab.flip(DATA_OFFSET + 64 + 84 + 10, 1);
    await lab.expectCorrupt("the first records of the file are damaged", { offset: DATA_OFFSET + 64 + 84 });
  });

  test("a later file of which neither an item nor a record can be read", async () => {
    const lab = await logOf(26);
    lab.zero(0, lab.bytes(21).length, 21);
    await lab.expectCorrupt("what was acknowledged behind it cannot be told", { baseIndex: 21 });
    const short = await logOf(26);
    truncate(short, 70, 21);
    await short.expectCorrupt("what was acknowledged behind it cannot be told", { baseIndex: 21 });
  });

  test("a later file that does not say how many items it has, when the option has changed", async () => {
    const lab = await logOf(26);
    lab.flip(DATA_OFFSET + 5, 1, 21);
    const error = await lab.open({ entriesPerFile: 20 }).catch((refusal: unknown) => refusal);
    expect(isDisterError(error, "DISTER_ERR_LOG_CORRUPT")).toBe(true);
    expect(names(lab)).toEqual(["1.dlog", "11.dlog", "21.dlog", "state"]);
  });

  test("a missing file, also behind the damage", async () => {
    const lab = await logOf(36);
    lab.flip(lab.startOf(9) + 70, 1);
    lab.fileSystem.remove(lab.path(21));
    await lab.expectCorrupt("it follows base index 21, but 11 was found", { baseIndex: 31 });
    const other = await logOf(36);
    other.flip(DATA_OFFSET + 5, 1, 31);
    other.fileSystem.remove(other.path(21));
    await other.expectCorrupt("the file before it ends with entry 20", { baseIndex: 31 });
  });

  test("a mark that may have been lost with the state, while a damaged file is kept", async () => {
    for (const lose of [
      (lab: LogLab) => lab.fileSystem.remove("/log/state"),
      (lab: LogLab) => lab.fileSystem.damage("/log/state", 0, new Uint8Array(5000)),
    ]) {
      const lab = await logOf(9);
      lab.flip(lab.startOf(6) + 80, 1);
      await lab.with(() => {});
      lose(lab);
      await lab.expectCorrupt("whether the log is whole again is not known");
      lab.fileSystem.remove(`${lab.path()}.damaged`);
      await lab.with((log) => expect(log.lastIndex()).toBe(6));
    }
  });

  test("a state of another version", async () => {
    const lab = await logOf(9);
    const bytes = Buffer.alloc(100);
    bytes.write("444c5302", "hex");
    // The checksum of these bytes, so that it is no damage.
    bytes.writeUInt32BE(0xc247ef65, 96);
    lab.fileSystem.damage("/log/state", 0, bytes);
    await lab.expectCorrupt("its format version 2 is unknown");
  });
});

describe("the mark", () => {
  /** A log that is suspect up to 9 and ends with 6. */
  async function suspect(): Promise<LogLab> {
    const lab = await logOf(9);
    lab.flip(lab.startOf(6) + 80, 1);
    await lab.with(() => {});
    return lab;
  }

  test("survives appends, restarts, crashes and a reset, and ends durably with trust", async () => {
    const lab = await suspect();
    const mark = { index: 9, term: 2 };
    await lab.with(async (log) => {
      expect(log.suspect()).toEqual(mark);
      await log.append({ entries: entriesOf(7, 8, 3), hardState: { ...HARD, term: 3 } });
      expect(log.suspect()).toEqual(mark);
    });
    await lab.open();
    lab.fileSystem.crash();
    await lab.with(async (log) => {
      expect([log.suspect(), log.lastIndex()]).toEqual([mark, 8]);
      await log.reset({ index: 7, term: 3 });
      expect(log.suspect()).toEqual(mark);
    });
    const log = await lab.open();
    expect([log.suspect(), log.lastIndex()]).toEqual([mark, 7]);
    await log.append({ entries: entriesOf(8, 12, 3) });
    await log.trust();
    expect(log.suspect()).toEqual({ index: 0, term: 0 });
    lab.fileSystem.crash();
    await lab.with((again) => expect([again.suspect().index, again.lastIndex()]).toEqual([0, 12]));
  });

  test("does not end before trust has resolved, and ends behind the appends before it", async () => {
    const lab = await suspect();
    const log = await lab.open();
    const order: string[] = [];
    const calls = [
      log.append({ entries: entriesOf(7, 9, 3) }).then(() => order.push("append")),
      log.trust().then(() => order.push("trust")),
    ];
    expect(log.suspect().index).toBe(9);
    await Promise.all(calls);
    expect([order, log.suspect().index]).toEqual([["append", "trust"], 0]);
    await log.close();
    const other = await suspect();
    const held = await other.open();
    other.fileSystem.haltAfter(1);
    await held.trust().catch(() => {});
    other.fileSystem.crash();
    await other.with((again) => expect(again.suspect().index).toBe(9));
  });

  test("keeps the highest index when the log is damaged again, and the older copy is replaced", async () => {
    const lab = await suspect();
    await lab.with((log) => log.append({ entries: [entryOf(7, 3)] }));
    const offset = lab.startOf(2);
    lab.flip(offset + 80, 1);
    await lab.expectSuspect("of a later batch", { lastIndex: 2, index: 9, offset });
    await lab.with((log) => log.append({ entries: entriesOf(3, 20, 4), hardState: { ...HARD, term: 4 } }));
    const later = lab.startOf(6, 11);
    lab.flip(later + 80, 1, 11);
    await lab.expectSuspect("no sector of it is missing", { lastIndex: 16, index: 20, baseIndex: 11, offset: later });
    await lab.with((log) => expect(log.suspect().term).toBe(4));
  });

  test("a crash while a leader makes the log whole is no new damage, also below what was known to be committed", async () => {
    for (const votes of [false, true]) {
      const lab = new LogLab();
      await lab.with(async (log) => {
        await log.append({ entries: entriesOf(1, 9, 1), hardState: { ...HARD, commit: 0 } });
        await log.append({ entries: [], hardState: { ...HARD, term: 3, commit: 9 } });
      });
      lab.flip(lab.startOf(3) + 80, 1);
      await lab.with(async (log) => {
        expect([log.lastIndex(), log.suspect()]).toEqual([3, { index: 9, term: 3 }]);
        if (votes) await log.append({ entries: [], hardState: { ...HARD, term: 4, commit: 2 } });
        await log.append({ entries: entriesOf(4, 6, 4) });
      });
      const evidence = lab.fileSystem.contents(`${lab.path()}.damaged`);
      // Of the last batch the items have arrived and no record.
      const start = lab.startOf(3);
      lab.zero(start, lab.bytes().length - start);
      await lab.with((log) => {
        expect([log.recovery.damage, log.lastIndex()]).toEqual([undefined, 3]);
        expect([log.suspect(), log.hardState().term]).toEqual([{ index: 9, term: 3 }, votes ? 4 : 3]);
      });
      expect(lab.fileSystem.contents(`${lab.path()}.damaged`)).toEqual(evidence);
      // Above the mark, and when it has ended, what was known counts again.
      await lab.with(async (log) => {
        await log.append({ entries: entriesOf(4, 10, 5) });
        await log.append({ entries: [], hardState: { ...HARD, term: 5, commit: 10 } });
      });
      const last = lab.startOf(9);
      lab.zero(last, lab.bytes().length - last);
      await lab.with((log) => expect([log.lastIndex(), log.suspect()]).toEqual([9, { index: 10, term: 5 }]));
    }
  });

  test("is found in either slot of the state", async () => {
    for (const offset of [0, 4096]) {
      const lab = await suspect();
      lab.fileSystem.damage("/log/state", offset + 50, Uint8Array.of(1));
      await lab.with((log) => expect(log.suspect().index).toBe(9));
    }
  });
});

describe("cutting before damage", () => {
  /** What may be kept of what was not synced. */
  function choices(seed: number): CrashChoice[] {
    const rng = new SeededRng(seed);
    return [
      {},
      { keepSector: () => true, keepName: () => true },
      { keepSector: () => true },
      { keepName: () => true },
      { keepSector: () => rng.next() < 0.5, keepName: () => rng.next() < 0.5 },
      { keepSector: () => rng.next() < 0.8, keepName: () => rng.next() < 0.8 },
    ];
  }

  const DAMAGES: Readonly<Record<string, { last: number; lastIndex: number; damage: (lab: LogLab) => void }>> = {
    "in the last file": { last: 9, lastIndex: 3, damage: (lab) => lab.flip(lab.startOf(3) + 80, 1) },
    "in an older file": { last: 26, lastIndex: 9, damage: (lab) => lab.flip(lab.startOf(9) + 80, 1) },
    "in the first record of a later file": {
      last: 36,
      lastIndex: 10,
      damage: (lab) => lab.flip(DATA_OFFSET + 5, 1, 11),
    },
    "of which items are the only sign": {
      last: 9,
      lastIndex: 4,
      damage: (lab) => truncate(lab, lab.startOf(4) + 10),
    },
  };

  for (const [name, { last, lastIndex, damage }] of Object.entries(DAMAGES)) {
    test(`${name}: a crash after any operation ends in the same`, { timeout: 60_000 }, async () => {
      const whole = await logOf(last);
      damage(whole);
      const files = whole.fileSystem.list("/log").filter((each) => each.endsWith(".dlog"));
      const before = new Map(files.map((each) => [each, whole.fileSystem.contents(`/log/${each}`)]));
      const started = whole.fileSystem.operations;
      await whole.open();
      const operations = whole.fileSystem.operations - started;
      const copies = whole.fileSystem.list("/log").filter((each) => each.endsWith(".damaged"));
      expect(operations).toBeGreaterThan(10);
      for (let at = 0; at <= operations; at++) {
        for (const [number, choice] of choices(at).entries()) {
          const lab = await logOf(last);
          damage(lab);
          lab.fileSystem.haltAfter(at);
          await lab.open().catch(() => {});
          lab.fileSystem.crash(choice);
          // Once more in the middle of what that start does.
          lab.fileSystem.haltAfter((at * 7 + number * 3) % operations);
          await lab.open().catch(() => {});
          lab.fileSystem.crash(choice);
          const log = await lab.open();
          const where = `after ${at} operations, choice ${number}`;
          expect([log.lastIndex(), log.suspect(), log.hardState()], where).toEqual([
            lastIndex,
            { index: last, term: 2 },
            { ...HARD, commit: Math.min(HARD.commit, log.hardState().commit) },
          ]);
          expect(log.read(1, 40, 1e6), where).toEqual(wanted(1, lastIndex));
          expect(
            lab.fileSystem.list("/log").filter((each) => each.endsWith(".damaged")),
            where,
          ).toEqual(copies);
          for (const copy of copies) {
            const kept = lab.fileSystem.contents(`/log/${copy}`);
            expect(Buffer.compare(kept, before.get(copy.slice(0, -".damaged".length))!), `${where}, ${copy}`).toBe(0);
          }
          expect(
            lab.fileSystem.list("/log").filter((each) => each.endsWith(".new")),
            where,
          ).toEqual([]);
          await log.close();
          expect(lab.fileSystem.handlesOpen).toBe(0);
        }
      }
    });
  }

  test("without room for the copies nothing but the mark is changed, and it goes on when there is room", async () => {
    const lab = await logOf(26);
    lab.flip(lab.startOf(9) + 80, 1);
    const before = lab.fileSystem.list("/log").map((name) => [name, lab.fileSystem.contents(`/log/${name}`)]);
    for (const bytes of [0, 1024, 10_000]) {
      lab.fileSystem.setCapacity(lab.fileSystem.usedBytes + bytes);
      const error = await lab.open().catch((refusal: unknown) => refusal);
      expect(isDisterError(error, "DISTER_ERR_DISK_FULL")).toBe(true);
      const after = lab.fileSystem.list("/log").map((name) => [name, lab.fileSystem.contents(`/log/${name}`)]);
      expect(after.filter(([name]) => name !== "state")).toEqual(before.filter(([name]) => name !== "state"));
      expect(after).toHaveLength(before.length);
      const slot = decodeStateSlot(lab.fileSystem.contents("/log/state"));
      expect(slot).toMatchObject({ suspect: { index: 26, term: 2 }, cut: { baseIndex: 0 } });
      expect(lab.fileSystem.handlesOpen).toBe(0);
    }
    lab.fileSystem.setCapacity(1e9);
    await lab.with((log) => expect([log.lastIndex(), log.suspect().index]).toEqual([9, 26]));
  });

  test("the copies take no more room than what was written", async () => {
    const lab = new LogLab();
    const options = { entriesPerFile: 100_000, preallocateBytes: 1_000_000 };
    await lab.with(async (log) => {
      await log.append({ entries: entriesOf(1, 5, 1) });
      await log.append({ entries: entriesOf(6, 9, 1) });
    }, options);
    const offset = lab.startOf(6);
    lab.flip(offset + 80, 1);
    const used = lab.fileSystem.usedBytes;
    await lab.with((log) => expect(log.suspect().index).toBe(9), options);
    expect(lab.fileSystem.contents(`${lab.path()}.damaged`)).toHaveLength(lab.bytes().length);
    expect(lab.fileSystem.usedBytes - used).toBeLessThan(20_000);
  });
});
