import { LIMITS, type LogEntry } from "@dister/types";
import { MemoryLogStore } from "@dister/types/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { viewOf } from "../src/item.ts";
import { encodeRecord, RECORD_KIND } from "../src/record.ts";
import { codeOf, LogLab } from "./log-lab.ts";
import { type Call, entriesOf, entryOf, perform } from "./log-model.ts";

describe("group commit", () => {
  test("appends of one turn share a sync, and what comes during it is the next batch", async () => {
    const lab = new LogLab();
    const log = await lab.open({ preallocateBytes: 0 });
    const before = lab.fileSystem.syncs;
    const release = lab.fileSystem.holdSyncs();
    const done: number[] = [];
    const append = (index: number): Promise<unknown> =>
      log.append({ entries: [entryOf(index, 1)] }).then(() => done.push(index));
    const calls = [append(1), append(2), append(3)];
    await turns();
    calls.push(append(4), append(5));
    await turns();
    expect(done).toEqual([]);
    expect(lab.fileSystem.syncs).toBe(before + 1);
    release();
    await Promise.all(calls);
    expect(done).toEqual([1, 2, 3, 4, 5]);
    expect(lab.fileSystem.syncs).toBe(before + 2);
    expect(lab.fileSystem.syncsInFlightMax).toBe(1);
    await log.close();
  });

  test("a write of nothing waits for what was handed in before it, and needs no sync", async () => {
    const lab = new LogLab();
    const log = await lab.open({ preallocateBytes: 0 });
    const release = lab.fileSystem.holdSyncs();
    const first = log.append({ entries: [entryOf(1, 1)] });
    await turns();
    let isDone = false;
    const second = log.append({ entries: [] }).then(() => {
      isDone = true;
    });
    await turns();
    expect(isDone).toBe(false);
    const before = lab.fileSystem.syncs;
    release();
    await Promise.all([first, second]);
    expect(lab.fileSystem.syncs).toBe(before);
    await log.close();
  });

  test("what is not on the disk yet is read from memory, however small the cache", async () => {
    const lab = new LogLab();
    const log = await lab.open({ preallocateBytes: 0 });
    const releaseFirst = lab.fileSystem.holdSyncs();
    const first = log.append({ entries: [entryOf(1, 1)] });
    await turns();
    const second = log.append({ entries: entriesOf(2, 25, 1) });
    releaseFirst();
    const releaseSecond = lab.fileSystem.holdSyncs();
    await first;
    await turns();
    expect(log.read(1, 25, 1e6)).toEqual(entriesOf(1, 25, 1));
    expect([log.termAt(1), log.termAt(25)]).toEqual([1, 1]);
    releaseSecond();
    await second;
    await log.close();
  });

  test("zeros are prepared ahead, so that an append changes neither the size of the file nor its holes", async () => {
    const lab = new LogLab();
    const log = await lab.open({ preallocateBytes: 65_536 });
    await log.append({ entries: [entryOf(1, 1)] });
    await turns();
    const size = lab.bytes().length;
    const used = lab.fileSystem.usedBytes;
    await log.append({ entries: entriesOf(2, 9, 1, 1000) });
    expect([lab.bytes().length, lab.fileSystem.usedBytes]).toEqual([size, used]);
    await log.close();
  });
});

describe("boundaries of files", () => {
  test("the last item of a file, the first of the next, and a batch over both", async () => {
    for (const count of [9, 10, 11, 20, 21, 35]) {
      const lab = new LogLab();
      await lab.with((log) => log.append({ entries: entriesOf(1, count, 1) }));
      const names = lab.fileSystem.list("/log").filter((name) => name.endsWith(".dlog"));
      expect(names).toHaveLength(Math.ceil(count / 10));
      await lab.with(async (log) => {
        expect(log.read(1, count, 1e6)).toEqual(entriesOf(1, count, 1));
        await log.append({ entries: [entryOf(count + 1, 2)] });
      });
      await lab.with((log) =>
        expect([log.lastIndex(), log.termAt(count), log.termAt(count + 1)]).toEqual([count + 1, 1, 2]),
      );
    }
  });

  test("a file is left as well when its data area is full, but never without an entry", async () => {
    const lab = new LogLab();
    const options = { fileBytesMax: 1300 };
    await lab.with((log) => log.append({ entries: entriesOf(1, 5, 1, 400) }), options);
    expect(
      lab.fileSystem
        .list("/log")
        .filter((name) => name !== "state")
        .map((name) => Number.parseInt(name, 10)),
    ).toEqual([1, 3, 5]);
    await lab.with((log) => log.append({ entries: [entryOf(6, 1, 5000)] }), options);
    await lab.with(async (log) => {
      // The only entry of a full file is replaced again and again: the file stays.
      for (let term = 2; term < 6; term++) await log.append({ entries: [entryOf(6, term, 5000)] });
      expect(log.read(1, 6, 1e6)).toEqual([...entriesOf(1, 5, 1, 400), entryOf(6, 5, 5000)]);
    }, options);
    await lab.with((log) => expect([log.lastIndex(), log.termAt(6)]).toEqual([6, 5]), options);
  });

  test("an entry that replaces another stays beside it, also in a full file, so that the chain shows what is void", async () => {
    const lab = new LogLab();
    const options = { fileBytesMax: 1300 };
    await lab.with(async (log) => {
      await log.append({ entries: entriesOf(1, 2, 1, 400) });
      await log.append({ entries: entriesOf(2, 5, 2, 400) });
    }, options);
    lab.flip(6, 1);
    await lab.with(
      (log) => expect(log.read(1, 5, 1e6)).toEqual([entryOf(1, 1, 400), ...entriesOf(2, 5, 2, 400)]),
      options,
    );
  });

  test("after a truncation and an append in one batch no item lies above the end", async () => {
    const lab = new LogLab();
    await lab.with(async (log) => {
      await Promise.all([log.append({ entries: entriesOf(1, 8, 1) }), log.append({ entries: entriesOf(3, 4, 2) })]);
      await log.append({ entries: entriesOf(2, 2, 3) });
    });
    for (let slot = 2; slot < 10; slot++) expect(lab.item(slot), `slot ${slot}`).toBe("0".repeat(20));
  });

  test("short entries that end at an old record's boundary do not bring the old ones back", async () => {
    const lab = new LogLab();
    await lab.with(async (log) => {
      await log.append({ entries: entriesOf(1, 10, 1, 700) });
      await log.append({ entries: entriesOf(1, 3, 2, 700 - 64) });
    });
    lab.zero(0, 100);
    await lab.with((log) => expect(log.read(1, 10, 1e6)).toEqual(entriesOf(1, 3, 2, 700 - 64)));
  });

  test("an entry of the largest size goes in and comes back", async () => {
    const lab = new LogLab();
    const entry = entryOf(1, 1, LIMITS.entryPayloadBytesMax);
    await lab.with((log) => log.append({ entries: [entry] }));
    await lab.with((log) => expect(Buffer.compare(log.read(1, 1, 0)[0]!.payload, entry.payload)).toBe(0));
  });

  test("many files need few descriptors, and none is left open", async () => {
    const lab = new LogLab();
    const log = await lab.open({ openFilesMax: 3 });
    await log.append({ entries: entriesOf(1, 200, 1) });
    for (const index of [5, 15, 25, 35, 45, 155, 5]) expect(log.read(index, index, 0)[0]!.index).toBe(index);
    // Three older files, the one that is written and the copy of the hard state.
    expect(lab.fileSystem.handlesOpen).toBeLessThanOrEqual(5);
    await log.append({ entries: entriesOf(51, 60, 2) });
    await log.compact(44);
    expect(log.read(41, 60, 1e6)).toHaveLength(20);
    await log.close();
    expect(lab.fileSystem.handlesOpen).toBe(0);
  });
});

describe("damage found while reading (duty 6)", () => {
  async function twoFiles(): Promise<LogLab> {
    const lab = new LogLab();
    await lab.with((log) => log.append({ entries: entriesOf(1, 15, 1) }));
    return lab;
  }

  test("a damaged record of an older file is refused, the others are read", async () => {
    const lab = await twoFiles();
    lab.flip(lab.startOf(4) + 80, 1);
    await lab.with((log) => {
      expect(() => log.read(5, 5, 0)).toThrow(`the log is damaged: ${lab.path()} at byte ${lab.startOf(4)}`);
      expect(() => log.read(1, 15, 1e6)).toThrow("a record is damaged");
      expect(log.read(6, 15, 1e6)).toEqual(entriesOf(6, 15, 1));
    });
  });

  test("a damaged item of an older file is rebuilt from the chain", async () => {
    for (const at of [0, 1, 5, 7, 9]) {
      const lab = await twoFiles();
      lab.flip(40 + at, 1);
      await lab.with((log) => expect(log.read(1, 15, 1e6)).toEqual(entriesOf(1, 15, 1)));
    }
  });

  test("an item that names the record of another entry is not believed", async () => {
    const lab = new LogLab();
    const entries = entriesOf(1, 15, 1).map((entry) => ({ ...entry, r: 7 }));
    await lab.with((log) => log.append({ entries }));
    lab.damage(50, lab.bytes().subarray(20, 30));
    await lab.with((log) => expect(log.read(6, 6, 0)).toEqual([entries[5]]));
  });

  test("an intact record that is not chained to the one before it is not taken for the entry", async () => {
    const lab = await twoFiles();
    const start = lab.startOf(5);
    const bytes = new Uint8Array(104);
    const fields = { kind: RECORD_KIND.command, r: entryOf(6, 1).r, previousCrc: 1, index: 6, term: 1, start };
    encodeRecord(
      { bytes, view: viewOf(bytes) },
      0,
      { ...fields, syncedEnd: start, syncedIndex: 0 },
      new Uint8Array(40),
    );
    lab.damage(start, bytes);
    await lab.with((log) => expect(() => log.read(5, 6, 1e6)).toThrow("the log is damaged"));
  });

  test("damage that comes while the log is open is noticed in the file in use, too", async () => {
    const lab = await twoFiles();
    await lab.with((log) => {
      lab.flip(lab.startOf(2, 11) + 80, 1, 11);
      expect(() => log.read(13, 13, 0)).toThrow("the log is damaged");
      expect(log.read(11, 12, 1e6)).toEqual(entriesOf(11, 12, 1));
    });
  });

  test("an intact record of another place is not taken for the entry", async () => {
    const lab = await twoFiles();
    const [from, to] = [lab.startOf(2), lab.startOf(5)];
    await lab.with((log) => {
      lab.damage(to, lab.bytes().subarray(from, from + 104));
      expect(() => log.read(6, 6, 0)).toThrow("the log is damaged");
    });
  });

  test("the cache answers for what it holds, without the disk", async () => {
    const lab = await twoFiles();
    await lab.with(
      async (log) => {
        await log.append({ entries: [entryOf(16, 1)] });
        lab.flip(lab.startOf(5, 11) + 80, 1, 11);
        expect(log.read(16, 16, 0)).toEqual([entryOf(16, 1)]);
      },
      { cacheBytes: 1000 },
    );
  });
});

describe("terms of older files", () => {
  test("every term is found after a restart, in whatever runs they come", async () => {
    const lab = new LogLab();
    const terms = [1, 1, 1, 2, 2, 5, 5, 5, 5, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 10, 11, 12, 12, 12, 12];
    const entries = terms.map((term, at) => entryOf(at + 1, term));
    await lab.with((log) => log.append({ entries }));
    await lab.with((log) => expect(terms.map((_, at) => log.termAt(at + 1))).toEqual(terms));
    await lab.with((log) => {
      const wanted = [12, 1, 9, 2, undefined, undefined, undefined];
      expect([26, 1, 10, 4, 27, -1, 1.5].map((index) => log.termAt(index))).toEqual(wanted);
    });
  });
});

describe("against the log in memory", () => {
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        type: fc.constant("append" as const),
        back: fc.nat(14),
        count: fc.integer({ min: 0, max: 13 }),
        bytes: fc.nat(300),
      }),
    },
    { weight: 1, arbitrary: fc.record({ type: fc.constant("compact" as const), part: fc.nat(100) }) },
    {
      weight: 1,
      arbitrary: fc.record({ type: fc.constant("reset" as const), ahead: fc.integer({ min: -5, max: 30 }) }),
    },
    { weight: 1, arbitrary: fc.constant({ type: "restart" as const }) },
  );

  test("any calls leave the same entries, terms and hard state, before and after restarts", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const lab = new LogLab();
        const memory = new MemoryLogStore();
        let log = await lab.open({ cacheBytes: 2000 });
        let [term, compacted] = [1, 0];
        const pending: Promise<void>[] = [];
        for (const each of steps) {
          if (each.type === "restart") {
            await log.close();
            log = await lab.open({ cacheBytes: 2000 });
            continue;
          }
          const last = log.lastIndex();
          let call: Call;
          if (each.type === "append") {
            const from = Math.max(last + 1 - each.back, compacted + 1, log.firstIndex());
            if (from <= last) term++;
            const entries = entriesOf(from, from + each.count - 1, term, each.bytes);
            call = { type: "append", entries, hardState: { term, vote: null, commit: compacted } };
          } else if (each.type === "compact") {
            compacted = Math.max(compacted, Math.floor((last * each.part) / 100));
            call = { type: "compact", index: compacted };
          } else {
            compacted = Math.max(0, last + each.ahead);
            call = { type: "reset", base: { index: compacted, term } };
          }
          pending.push(perform(log, call));
          if (call.type !== "compact") void perform(memory, call);
          expectSame(log, memory);
        }
        await Promise.all(pending);
        expectSame(log, memory);
        await log.close();
        const again = await lab.open();
        expectSame(again, memory);
        await again.close();
      }),
      { numRuns: 150 },
    );
  });

  function expectSame(
    log: { lastIndex(): number } & Pick<MemoryLogStore, "read" | "termAt" | "firstIndex" | "hardState">,
    memory: MemoryLogStore,
  ): void {
    expect(log.lastIndex()).toBe(memory.lastIndex());
    expect(log.hardState()).toEqual(memory.hardState());
    const from = log.firstIndex();
    const plain = (entries: LogEntry[]): LogEntry[] =>
      entries.map((entry) => ({ ...entry, payload: Uint8Array.from(entry.payload) }));
    expect(plain(log.read(from, memory.lastIndex(), 1e9))).toEqual(plain(memory.read(from, memory.lastIndex(), 1e9)));
    for (let index = from - 1; index <= memory.lastIndex() + 1; index++)
      expect(log.termAt(index)).toBe(memory.termAt(index));
  }
});

describe("one owner", () => {
  test("a folder is opened once at a time", async () => {
    const lab = new LogLab();
    const log = await lab.open();
    expect(await codeOf(lab.open())).toBe("DISTER_ERR_LOCKED");
    await log.close();
    await lab.with(() => {});
  });

  test("a refused start gives the lock back", async () => {
    const lab = new LogLab();
    await lab.with((log) => log.append({ entries: [entryOf(1, 1)] }));
    lab.flip(4096, 1);
    expect(await codeOf(lab.open())).toBe("DISTER_ERR_LOG_CORRUPT");
    lab.flip(4096, 1);
    await lab.with((log) => expect(log.lastIndex()).toBe(1));
    expect(lab.fileSystem.handlesOpen).toBe(0);
  });

  test("options out of range are refused", async () => {
    const lab = new LogLab();
    for (const wrong of [{ entriesPerFile: 0 }, { preallocateBytes: -1 }, { cacheBytes: 0.5 }, { openFilesMax: 0 }]) {
      expect(await codeOf(lab.open(wrong))).toBe("DISTER_ERR_INVALID");
    }
    const identity = { group: "g", nodeId: "me", clusterId: "" };
    expect(await codeOf(lab.open({ identity }))).toBe("DISTER_ERR_INVALID");
  });
});

/** Lets everything run that waits for nothing from outside. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await Promise.resolve();
}
