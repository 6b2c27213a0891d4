import { describe, expect, test } from "vitest";
import { encodeHardState } from "../src/hard-state.ts";
import { packItem, viewOf } from "../src/item.ts";
import { encodeRecord, RECORD_HEADER_BYTES, RECORD_KIND } from "../src/record.ts";
import { FIRST_RECORDS_END, IDENTITY, LogLab } from "./log-lab.ts";
import { entriesOf, entryOf } from "./log-model.ts";

const RECORD_BYTES = 64 + 40;
const NOTHING_REPAIRED = { tornBytes: 0, itemsRebuilt: 0 };

/** A closed log of three entries, each synced alone. */
async function threeEntries(bytes = 40): Promise<LogLab> {
  const lab = new LogLab();
  await lab.with(async (log) => {
    for (const index of [1, 2, 3]) await log.append({ entries: [entryOf(index, 1, bytes)] });
  });
  return lab;
}

async function expectSound(lab: LogLab, lastIndex: number, recovery: object, bytes = 40): Promise<void> {
  await lab.with((log) => {
    expect(log.recovery).toMatchObject(recovery);
    expect(log.lastIndex()).toBe(lastIndex);
    expect(log.read(1, lastIndex, 1e6)).toEqual(entriesOf(1, lastIndex, 1, bytes));
  });
  await lab.with((log) => {
    expect(log.recovery, "the second start finds nothing to repair").toMatchObject(NOTHING_REPAIRED);
    expect(log.lastIndex()).toBe(lastIndex);
  });
}

describe("recovery, item by record (the decision table)", () => {
  test("no item, no record: the end of the log", async () => {
    await expectSound(await threeEntries(), 3, { entryCount: 3, ...NOTHING_REPAIRED });
  });

  test("no item, a chained record: the item is rebuilt", async () => {
    const lab = await threeEntries();
    const item = lab.item(2);
    lab.zero(20, 10);
    await expectSound(lab, 3, { entryCount: 3, tornBytes: 0, itemsRebuilt: 1 });
    expect(lab.item(2)).toBe(item);
  });

  test("no item, but later ones: all are rebuilt from the chain", async () => {
    const lab = await threeEntries();
    lab.zero(0, 20);
    await expectSound(lab, 3, { tornBytes: 0, itemsRebuilt: 2 });
  });

  test("an item, and a record of the last batch with a lost sector: a torn tail, which is cleared", async () => {
    const lab = await threeEntries(1500);
    const start = lab.startOf(2);
    lab.zero(Math.ceil(start / 512) * 512 + 512, 512);
    await expectSound(lab, 2, { entryCount: 2, tornBytes: 1564, itemsRebuilt: 0 }, 1500);
    expect(lab.item(2)).toBe("0".repeat(20));
    expect(
      lab
        .bytes()
        .subarray(start)
        .every((byte) => byte === 0),
    ).toBe(true);
  });

  test("an item, and nothing of the record in the last batch: a torn tail", async () => {
    const lab = await threeEntries();
    lab.zero(lab.startOf(2), RECORD_BYTES);
    await expectSound(lab, 2, { entryCount: 2, tornBytes: RECORD_BYTES, itemsRebuilt: 0 });
  });

  test("the first record of the last batch is torn, the second is whole: both go", async () => {
    const lab = new LogLab();
    await lab.with(async (log) => {
      await log.append({ entries: [entryOf(1, 1, 1500)] });
      await log.append({ entries: entriesOf(2, 3, 1, 1500) });
    });
    lab.zero(Math.ceil(lab.startOf(1) / 512) * 512, 512);
    await expectSound(lab, 1, { entryCount: 1, tornBytes: 2 * 1564 }, 1500);
  });

  test("a header over two sectors of which the second is lost is torn", async () => {
    const lab = new LogLab();
    // The next record begins 32 bytes before the end of a sector.
    const bytes = 1024 - 32 - ((FIRST_RECORDS_END + 64) % 512);
    await lab.with(async (log) => {
      await log.append({ entries: [entryOf(1, 1, bytes)] });
      await log.append({ entries: [entryOf(2, 1)] });
    });
    expect(lab.startOf(1) % 512).toBe(512 - 32);
    lab.zero(lab.startOf(1) + 32, 512);
    lab.zero(10, 10);
    await expectSound(lab, 1, { tornBytes: 32 }, bytes);
  });

  test("a wrong checksum in the last record without a lost sector is damage: the log is cut before it and suspect", async () => {
    for (const at of [0, 20, 63, 64, 100]) {
      const lab = await threeEntries();
      const offset = lab.startOf(2);
      lab.flip(offset + at, 1);
      await lab.expectSuspect("no sector of it is missing", { lastIndex: 2, index: 3, offset });
    }
  });

  test("the same without its item", async () => {
    const lab = await threeEntries();
    lab.flip(lab.startOf(2) + 70, 1);
    lab.zero(20, 10);
    await lab.expectSuspect("no sector of it is missing", { lastIndex: 2, index: 3 });
  });

  test("it looks torn, but a later batch says that it was durable: damage", async () => {
    const lab = await threeEntries(1500);
    const offset = lab.startOf(1);
    lab.zero(Math.ceil(offset / 512) * 512, 512);
    await lab.expectSuspect("of a later batch", { lastIndex: 1, index: 3, offset });
  });

  test("it looks torn, but a hard state said that it was committed: damage", async () => {
    const lab = new LogLab();
    await lab.with(async (log) => {
      await log.append({ entries: [entryOf(1, 1)], hardState: { term: 1, vote: null, commit: 2 } });
      await log.append({ entries: [entryOf(2, 1, 1500)] });
    });
    lab.zero(Math.ceil(lab.startOf(1) / 512) * 512, 512);
    await lab.expectSuspect("entry 2 was acknowledged", { lastIndex: 1, index: 2 });
  });

  test("a bad record with good ones behind it is damage in the middle", async () => {
    for (const [slot, at] of [
      [0, 70],
      [1, 10],
      [1, 90],
    ] as const) {
      const lab = await threeEntries();
      const offset = lab.startOf(slot);
      lab.flip(offset + at, 1);
      await lab.expectSuspect("later batch", { lastIndex: slot, index: 3, offset });
    }
  });

  test("a bad record inside the last batch is damage too", async () => {
    const lab = new LogLab();
    await lab.with((log) => log.append({ entries: entriesOf(1, 3, 1) }));
    lab.flip(lab.startOf(1) + 70, 1);
    await lab.expectSuspect("no sector of it is missing", { lastIndex: 1, index: 3 });
  });

  test("zeros that a bad record alone has in a sector are no lost sector while the next record begins there", async () => {
    const lab = new LogLab();
    // The first ends with a zero, which is the first byte of a sector.
    const first = entryOf(1, 1, 4608 + 1 - FIRST_RECORDS_END - RECORD_HEADER_BYTES);
    first.payload.fill(0, first.payload.length - 1);
    await lab.with((log) => log.append({ entries: [first, entryOf(2, 1)] }));
    expect(lab.startOf(1)).toBe(4609);
    lab.flip(lab.startOf(0) + RECORD_HEADER_BYTES, 1);
    await lab.expectSuspect("no sector of it is missing", { lastIndex: 0, index: 2 });
  });

  test("an item that says something else than its chained record is rewritten", async () => {
    const sound = await threeEntries();
    for (const at of [0, 1, 3, 6, 9]) {
      const lab = await threeEntries();
      lab.flip(10 + at, 1);
      await expectSound(lab, 3, { tornBytes: 0, itemsRebuilt: 1 });
      expect(lab.item(1)).toBe(sound.item(1));
    }
  });

  test("an item that leads out of the file or into another record is ignored for the chain", async () => {
    for (const start of [1, 2 ** 43 - 1, FIRST_RECORDS_END + 5]) {
      const lab = await threeEntries();
      const item = new Uint8Array(10);
      packItem(viewOf(item), 0, { r: 1, start, length: 100 });
      lab.damage(10, item);
      await expectSound(lab, 3, { tornBytes: 0, itemsRebuilt: 1 });
    }
  });

  test("an intact record that is not chained is nothing: the end of the log", async () => {
    const lab = await threeEntries();
    const start = FIRST_RECORDS_END + 3 * RECORD_BYTES;
    lab.damage(start, foreignRecord(start, 4));
    await expectSound(lab, 3, { entryCount: 3, ...NOTHING_REPAIRED });
    expect(
      lab
        .bytes()
        .subarray(start)
        .every((byte) => byte === 0),
    ).toBe(true);
  });

  test("an intact record that belongs to another place is nothing either", async () => {
    const lab = await threeEntries();
    const start = FIRST_RECORDS_END + 3 * RECORD_BYTES;
    lab.damage(start, lab.bytes().subarray(lab.startOf(1), lab.startOf(1) + RECORD_BYTES));
    await expectSound(lab, 3, { entryCount: 3, ...NOTHING_REPAIRED });
  });

  test("a foreign record in the place of one that an item names is damage", async () => {
    const lab = await threeEntries();
    const start = lab.startOf(2);
    lab.damage(start, foreignRecord(start, 3));
    // It is shorter than what lay there: the rest of that may be one more.
    await lab.expectSuspect("does not belong here", { lastIndex: 2, index: 4, offset: start });
  });

  test("items behind the end of the chain are leftovers and are cleared before anything is appended", async () => {
    const lab = await threeEntries();
    const item = new Uint8Array(10);
    packItem(viewOf(item), 0, { r: 1, start: FIRST_RECORDS_END, length: RECORD_BYTES });
    lab.damage(50, item);
    await lab.open();
    lab.fileSystem.crash();
    expect(lab.item(5)).toBe("0".repeat(20));
    await expectSound(lab, 3, NOTHING_REPAIRED);
  });

  test("the same index further on replaces everything from there on", async () => {
    const lab = new LogLab();
    await lab.with(async (log) => {
      await log.append({ entries: entriesOf(1, 6, 1) });
      await log.append({ entries: entriesOf(3, 4, 2) });
    });
    lab.zero(0, 100);
    await lab.with((log) => {
      expect(log.recovery.itemsRebuilt).toBe(4);
      expect(log.read(1, 9, 1e6)).toEqual([...entriesOf(1, 2, 1), ...entriesOf(3, 4, 2)]);
      expect([2, 3, 5].map((index) => log.termAt(index))).toEqual([1, 2, undefined]);
    });
  });

  test("a torn batch that replaced a suffix leaves the old suffix, items and all", async () => {
    const lab = new LogLab();
    await lab.with(async (log) => {
      await log.append({ entries: entriesOf(1, 5, 1) });
      await log.append({ entries: [entryOf(6, 1)] });
      await log.append({ entries: entriesOf(3, 3, 2, 1500) });
    });
    expect(lab.item(4)).toBe("0".repeat(20));
    lab.zero(Math.ceil(lab.startOf(2) / 512) * 512, 512);
    await expectSound(lab, 6, { entryCount: 6, itemsRebuilt: 4 });
  });

  test("what was known of replaced entries does not make their torn successors damage", async () => {
    const lab = new LogLab();
    await lab.with(async (log) => {
      await log.append({ entries: entriesOf(1, 5, 1) });
      await log.append({ entries: [entryOf(6, 1)] });
      await log.append({ entries: [entryOf(3, 2), entryOf(4, 2, 1500)] });
    });
    lab.zero(Math.ceil(lab.startOf(3) / 512) * 512, 512);
    await lab.with((log) => expect([log.lastIndex(), log.termAt(3)]).toEqual([3, 2]));
  });

  test("a file whose making was cut has no name of its own yet and is removed", async () => {
    const lab = await threeEntries();
    lab.fileSystem.open("/log/0000000000000011.0.dlog.new", "create").close();
    await expectSound(lab, 3, NOTHING_REPAIRED);
    expect(lab.fileSystem.list("/log")).toEqual(["0000000000000001.dlog", "state"]);
  });

  test("a named file without its first records is damage: it was named after they were durable", async () => {
    for (const size of [0, 100, 4096, 4200]) {
      const lab = await threeEntries();
      const file = lab.fileSystem.open(lab.path(), "write");
      file.truncate(size);
      file.datasyncNow();
      file.close();
      await lab.expectCorrupt("first record");
    }
    const empty = new LogLab();
    await empty.with(() => {});
    empty.zero(FIRST_RECORDS_END - 96, 96);
    await empty.expectCorrupt("the first records of the file are damaged");
  });
});

describe("recovery over several files", () => {
  async function threeFiles(): Promise<LogLab> {
    const lab = new LogLab();
    await lab.with(async (log) => {
      await log.append({ entries: entriesOf(1, 9, 1), hardState: { term: 1, vote: null, commit: 5 } });
      await log.append({ entries: entriesOf(10, 25, 1) });
    });
    return lab;
  }

  test("all entries are there, and the files follow each other", async () => {
    const lab = await threeFiles();
    expect(lab.fileSystem.list("/log").filter((name) => name.endsWith("dlog"))).toHaveLength(3);
    await expectSound(lab, 25, { entryCount: 25 });
  });

  test("a missing file in the middle is refused", async () => {
    const lab = await threeFiles();
    lab.fileSystem.remove(lab.path(11));
    await lab.expectCorrupt("it follows base index 11, but 1 was found", { baseIndex: 21 });
  });

  test("a missing small file in the middle is refused", async () => {
    const lab = new LogLab();
    await lab.with((log) => log.append({ entries: entriesOf(1, 5, 1, 400) }), { fileBytesMax: 1300 });
    lab.fileSystem.remove(lab.path(3));
    await lab.expectCorrupt("it follows base index 3, but 1 was found", { baseIndex: 5 });
  });

  test("a file under another name is refused", async () => {
    const lab = await threeFiles();
    lab.fileSystem.rename(lab.path(21), lab.path(31));
    await lab.expectCorrupt("the file header names base index 21, the file's name 31", { baseIndex: 31 });
  });

  test("a missing oldest file is what compaction leaves", async () => {
    const lab = await threeFiles();
    lab.fileSystem.remove(lab.path(1));
    await lab.with((log) => expect([log.base(), log.lastIndex()]).toEqual([{ index: 10, term: 1 }, 25]));
  });

  test("a damaged last entry of an older file makes the log suspect up to its very end", async () => {
    const lab = await threeFiles();
    const offset = lab.startOf(9);
    lab.flip(offset + 70, 1);
    await lab.expectSuspect("the file ends before the next one begins", { lastIndex: 9, index: 25, offset });
    expect(lab.fileSystem.list("/log")).toEqual([
      "0000000000000001.dlog",
      "0000000000000001.dlog.damaged",
      "0000000000000011.dlog.damaged",
      "0000000000000021.dlog.damaged",
      "state",
    ]);
  });

  test("a file of another log does not continue this one", async () => {
    const lab = await threeFiles();
    const other = new LogLab();
    await other.with((log) => log.append({ entries: entriesOf(1, 25, 2) }));
    const bytes = other.bytes(21);
    lab.fileSystem.remove(lab.path(21));
    const file = lab.fileSystem.open(lab.path(21), "create");
    file.writeAt([bytes], 0);
    file.close();
    await lab.expectSuspect("it does not continue the file before", { lastIndex: 20, index: 25, baseIndex: 21 });
  });

  test("the hard state survives in every file that is made", async () => {
    const lab = await threeFiles();
    await lab.with(async (log) => {
      await log.compact(25);
      expect(log.hardState()).toEqual({ term: 1, vote: null, commit: 5 });
    });
    expect(lab.fileSystem.list("/log")).toEqual(["0000000000000021.dlog", "state"]);
    await lab.with((log) => expect(log.hardState()).toEqual({ term: 1, vote: null, commit: 5 }));
  });

  test("files of before a reset that were not removed yet are removed", async () => {
    const lab = await threeFiles();
    const old = lab.bytes(11);
    await lab.with((log) => log.reset({ index: 40, term: 2 }));
    const file = lab.fileSystem.open(lab.path(11), "create");
    file.writeAt([old], 0);
    file.close();
    await lab.with((log) => expect([log.base(), log.lastIndex()]).toEqual([{ index: 40, term: 2 }, 40]));
    expect(lab.fileSystem.list("/log")).toEqual(["0000000000000041.dlog", "state"]);
  });

  test("a log that was made with other numbers of entries per file is read, and new files follow the option", async () => {
    const lab = await threeFiles();
    const options = { entriesPerFile: 1000 };
    await lab.with((log) => log.append({ entries: entriesOf(26, 40, 1) }), options);
    expect(lab.fileSystem.list("/log").at(-2)).toBe("0000000000000031.dlog");
    await lab.with((log) => expect(log.read(1, 40, 1e6)).toEqual(entriesOf(1, 40, 1)), options);
    expect(lab.bytes(31).readUInt32BE(12_288)).toBe(0x444c5201);
  });
});

describe("identity of a log", () => {
  const refusal = async (lab: LogLab, identity: Partial<typeof IDENTITY>): Promise<string> => {
    return lab.open({ identity: { ...IDENTITY, ...identity } }).then(
      (log) => log.close().then(() => "opened"),
      (error: unknown) => String(error),
    );
  };

  test("another node, group or cluster is refused", async () => {
    const lab = await threeEntries();
    expect(await refusal(lab, { nodeId: "00000000000000AC" })).toContain("belongs to node 00000000000000AB");
    expect(await refusal(lab, { group: "other" })).toContain("belongs to group test");
    expect(await refusal(lab, { clusterId: "00000000000000C2" })).toContain("belongs to cluster 00000000000000C1");
    expect(await refusal(lab, {})).toBe("opened");
  });

  test("a node takes on a cluster id later", async () => {
    const lab = new LogLab();
    await lab.with(() => {}, { identity: { ...IDENTITY, clusterId: "" } });
    expect(await refusal(lab, {})).toBe("opened");
    expect(await refusal(lab, { clusterId: "" })).toBe("opened");
  });
});

/** An intact record that names a CRC which is not that of the record before it. */
function foreignRecord(start: number, index: number): Uint8Array {
  const payload = encodeHardState({ term: 1, vote: null, commit: 0 });
  const bytes = new Uint8Array(64 + payload.length);
  const fields = { kind: RECORD_KIND.command, r: 1, previousCrc: 12345, index, term: 1, start };
  encodeRecord({ bytes, view: viewOf(bytes) }, 0, { ...fields, syncedEnd: FIRST_RECORDS_END, syncedIndex: 0 }, payload);
  return bytes;
}
