import { describe, expect, test } from "vitest";
import { dumpFile } from "../src/index.ts";
import { RECORD_HEADER_BYTES } from "../src/record.ts";
import { codeOf, FIRST_RECORDS_END, LogLab } from "./log-lab.ts";
import { entriesOf, entryOf } from "./log-model.ts";

const VOTE = "00000000000000AB";
const OTHER = "00000000000000AC";
const PATH = "/log/state";

/** A closed log of three entries; the vote of term 2 is the last record. */
async function voted(): Promise<LogLab> {
  const lab = new LogLab();
  await lab.with(async (log) => {
    await log.append({ entries: entriesOf(1, 3, 1), hardState: { term: 1, vote: VOTE, commit: 0 } });
    await log.append({ entries: [], hardState: { term: 2, vote: OTHER, commit: 3 } });
  });
  return lab;
}

/** The slots of the copy: sequence, term, vote, commit. */
function slots(lab: LogLab): string[] {
  const bytes = Buffer.from(lab.fileSystem.contents(PATH));
  return [0, 4096].map((at) => {
    const number = (offset: number): bigint => bytes.readBigUInt64BE(at + offset);
    const vote = bytes[at + 64 + 24] === 1 ? bytes.toString("hex", at + 80, at + 88) : "none";
    return `${number(8)}: term ${number(64)}, vote ${vote}, commit ${number(72)}`;
  });
}

/** Hard states in the records of a file, in their order. */
function recorded(lab: LogLab): unknown[] {
  const file = lab.fileSystem.open(lab.path(), "read");
  const { records, problems } = dumpFile(file);
  file.close();
  expect(problems).toEqual([]);
  return records.flatMap(({ hardState }) => (hardState === undefined ? [] : [hardState]));
}

describe("the second copy of the hard state (duty 8)", () => {
  test("is written by turns, each time a hard state is appended and never otherwise", async () => {
    const lab = new LogLab();
    await lab.with(async (log) => {
      expect(slots(lab)).toEqual(["1: term 0, vote none, commit 0", "2: term 0, vote none, commit 0"]);
      await log.append({ entries: entriesOf(1, 3, 1) });
      expect(slots(lab)).toEqual(["1: term 0, vote none, commit 0", "2: term 0, vote none, commit 0"]);
      await log.append({ entries: [], hardState: { term: 2, vote: VOTE, commit: 3 } });
      expect(slots(lab)).toEqual(["3: term 2, vote 00000000000000ab, commit 3", "2: term 0, vote none, commit 0"]);
      await log.append({ entries: [], hardState: { term: 3, vote: null, commit: 3 } });
      expect(slots(lab)).toEqual(["3: term 2, vote 00000000000000ab, commit 3", "4: term 3, vote none, commit 3"]);
    });
  });

  test("calls no entry committed that is not durable yet", async () => {
    const lab = new LogLab();
    await lab.with(async (log) => {
      await log.append({ entries: entriesOf(1, 3, 1) });
      await log.append({ entries: entriesOf(4, 6, 1), hardState: { term: 1, vote: null, commit: 6 } });
      expect(slots(lab)[0]).toBe("3: term 1, vote none, commit 3");
      expect(log.hardState().commit).toBe(6);
    });
    await lab.with((log) => expect(log.hardState().commit).toBe(6));
  });

  test("is synced at the same time as the record, and an append without a hard state syncs nothing more", async () => {
    const lab = new LogLab();
    const log = await lab.open({ preallocateBytes: 0 });
    let before = lab.fileSystem.syncs;
    await log.append({ entries: [entryOf(1, 1)] });
    expect([lab.fileSystem.syncs - before, lab.fileSystem.syncsInFlightMax]).toEqual([1, 1]);
    before = lab.fileSystem.syncs;
    await log.append({ entries: [entryOf(2, 1)], hardState: { term: 1, vote: VOTE, commit: 0 } });
    expect([lab.fileSystem.syncs - before, lab.fileSystem.syncsInFlightMax]).toEqual([2, 2]);
    await log.close();
  });

  test("many hard states that wait together share one write of it", async () => {
    const lab = new LogLab();
    await lab.with(async (log) => {
      const terms = [1, 2, 3, 4, 5];
      await Promise.all(terms.map((term) => log.append({ entries: [], hardState: { term, vote: VOTE, commit: 0 } })));
      expect(slots(lab)).toEqual(["3: term 5, vote 00000000000000ab, commit 0", "2: term 0, vote none, commit 0"]);
    });
  });

  test("a failed sync of the record or of the copy, or a failed write of it, is final (duty 5)", async () => {
    for (const [operation, nth] of [
      ["sync", 1],
      ["sync", 2],
      ["write", 2],
    ] as const) {
      const lab = new LogLab();
      const log = await lab.open();
      await log.append({ entries: [entryOf(1, 1)] });
      lab.fileSystem.inject({ operation, nth, error: "EIO" });
      const hardState = { term: 1, vote: VOTE, commit: 0 };
      expect(await codeOf(log.append({ entries: [], hardState })), `${operation} ${nth}`).toBe("DISTER_ERR_DISK");
      expect(await codeOf(log.append({ entries: [entryOf(2, 1)] }))).toBe("DISTER_ERR_DISK");
      expect(await codeOf(log.trust())).toBe("DISTER_ERR_DISK");
      await log.close();
      expect(lab.fileSystem.handlesOpen).toBe(0);
    }
  });

  test("an append does not resolve while either of both syncs is under way, and nothing is closed under one", async () => {
    const lab = new LogLab();
    const log = await lab.open({ preallocateBytes: 0 });
    const release = lab.fileSystem.holdSyncs();
    lab.fileSystem.inject({ operation: "sync", nth: 1, error: "EIO" });
    let isSettled = false;
    const failed = codeOf(log.append({ entries: [], hardState: { term: 1, vote: VOTE, commit: 0 } })).then((code) => {
      isSettled = true;
      return code;
    });
    let isClosed = false;
    const closed = log.close().then(() => {
      isClosed = true;
    });
    for (let turn = 0; turn < 50; turn++) await Promise.resolve();
    expect([isSettled, isClosed]).toEqual([false, false]);
    release();
    expect(await failed).toBe("DISTER_ERR_DISK");
    await closed;
  });
});

describe("after a crash between the two syncs", () => {
  const before = { term: 1, vote: VOTE, commit: 0 };
  const hardState = { term: 2, vote: OTHER, commit: 4 };

  /** Crashes in an append of entry 4 and a hard state, of which only what lies in such files is kept. */
  async function crashed(kept: (path: string) => boolean): Promise<LogLab> {
    const lab = new LogLab();
    const log = await lab.open();
    await log.append({ entries: entriesOf(1, 3, 1), hardState: before });
    lab.fileSystem.holdSyncs();
    void log.append({ entries: [entryOf(4, 2)], hardState });
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    lab.fileSystem.crash({ keepSector: kept });
    return lab;
  }

  test("the copy alone is newer: it counts, without the entries, and the log gets it before anybody relies on it", async () => {
    const lab = await crashed((path) => path === PATH);
    const log = await lab.open();
    expect([log.lastIndex(), log.suspect().index, log.recovery.damage]).toEqual([3, 0, undefined]);
    // Not its commit: what that speaks of may have gone with the record.
    expect(log.hardState()).toEqual({ ...hardState, commit: 0 });
    lab.fileSystem.crash();
    expect(recorded(lab).at(-1)).toEqual({ ...hardState, commit: 0 });
    lab.fileSystem.remove(PATH);
    await lab.with((again) => expect(again.hardState()).toEqual({ ...hardState, commit: 0 }));
  });

  test("the record alone is newer: it counts, and the copy gets it before anybody relies on it", async () => {
    const lab = await crashed((path) => path !== PATH);
    expect(slots(lab)).toEqual(["3: term 1, vote 00000000000000ab, commit 0", "2: term 0, vote none, commit 0"]);
    const log = await lab.open();
    expect([log.lastIndex(), log.hardState()]).toEqual([4, hardState]);
    lab.fileSystem.crash();
    for (const slot of slots(lab)) expect(slot).toContain("term 2, vote 00000000000000ac, commit 4");
  });

  test("both or none are there: that is what is found", async () => {
    for (const isKept of [true, false]) {
      const lab = await crashed(() => isKept);
      await lab.with((log) => {
        expect([log.lastIndex(), log.hardState()]).toEqual(isKept ? [4, hardState] : [3, before]);
      });
    }
  });
});

describe("damage of one place never makes a node forget a vote", () => {
  const vote = { term: 2, vote: OTHER, commit: 3 };

  test("whatever byte of the copy is wrong, or all of it is gone: it is written anew", async () => {
    const sound = await voted();
    const size = sound.fileSystem.contents(PATH).length;
    const places = [...Array.from({ length: 100 }, (_, at) => at), 4096, 4100, 4170, size - 1];
    for (const offset of places) {
      const lab = await voted();
      lab.fileSystem.damage(PATH, offset, Uint8Array.of(lab.fileSystem.contents(PATH)[offset]! ^ 4));
      await lab.with((log) => expect([log.hardState(), log.suspect().index, log.lastIndex()]).toEqual([vote, 0, 3]));
      lab.fileSystem.crash();
      for (const slot of slots(lab)) expect(slot).toMatch(/term [12], vote 00000000000000a[bc]/);
    }
    for (const lose of [
      (lab: LogLab) => lab.fileSystem.remove(PATH),
      (lab: LogLab) => lab.fileSystem.damage(PATH, 0, new Uint8Array(size)),
    ]) {
      const lab = await voted();
      lose(lab);
      await lab.with((log) => expect([log.hardState(), log.suspect().index]).toEqual([vote, 0]));
      lab.fileSystem.crash();
      for (const slot of slots(lab)) expect(slot).toContain("term 2, vote 00000000000000ac, commit 3");
    }
  });

  test("whatever byte of the vote's record is wrong: the copy decides, and the log gets it again", async () => {
    const sound = await voted();
    const start = sound.startOf(2) + 64 + 40 + 96;
    for (let offset = start; offset < start + 96; offset += 5) {
      const lab = await voted();
      lab.flip(offset, 1);
      await lab.with((log) => {
        expect(log.hardState()).toEqual({ ...vote, commit: 0 });
        // Without its header nothing says that these are not two short entries.
        const index = offset < start + RECORD_HEADER_BYTES ? 5 : 3;
        expect([log.lastIndex(), log.suspect()]).toEqual([3, { index, term: 2 }]);
      });
      expect(recorded(lab).at(-1)).toEqual({ ...vote, commit: 0 });
    }
  });

  test("the vote's record turned to zeros, as if it had been cut: the copy decides", async () => {
    const lab = await voted();
    lab.zero(lab.startOf(2) + 64 + 40 + 96, 96);
    await lab.with((log) => expect([log.hardState(), log.suspect().index]).toEqual([{ ...vote, commit: 0 }, 0]));
    lab.fileSystem.remove(PATH);
    await lab.with((log) => expect(log.hardState()).toEqual({ ...vote, commit: 0 }));
  });

  test("records and one slot of the copy are damaged: refused, because the newest may be lost", async () => {
    for (const offset of [0, 4096]) {
      const lab = await voted();
      lab.flip(lab.startOf(2) + 70, 1);
      lab.fileSystem.damage(PATH, offset + 70, Uint8Array.of(9));
      await lab.expectCorrupt("its copy in /log/state is not whole");
    }
    const lab = await voted();
    lab.flip(lab.startOf(2) + 70, 1);
    lab.fileSystem.remove(PATH);
    await lab.expectCorrupt("its copy in /log/state is not whole", { offset: lab.startOf(2) });
  });

  test("two votes in one term are refused", async () => {
    const lab = await voted();
    const other = await voted();
    await other.with((log) => log.append({ entries: [], hardState: { term: 3, vote: VOTE, commit: 3 } }));
    await lab.with((log) => log.append({ entries: [], hardState: { term: 3, vote: OTHER, commit: 3 } }));
    lab.fileSystem.damage(PATH, 0, other.fileSystem.contents(PATH));
    await lab.expectCorrupt("two votes in term 3: 00000000000000AC and 00000000000000AB");
  });

  test("an older state that somebody brought back does not make it forget", async () => {
    const lab = await voted();
    const old = lab.fileSystem.contents(PATH);
    await lab.with((log) => log.append({ entries: [], hardState: { term: 7, vote: VOTE, commit: 3 } }));
    lab.fileSystem.damage(PATH, 0, old);
    await lab.with((log) => expect(log.hardState()).toEqual({ term: 7, vote: VOTE, commit: 3 }));
  });

  test("a state without any log file is refused, unless it says nothing", async () => {
    const lab = await voted();
    lab.fileSystem.remove(lab.path());
    await lab.expectCorrupt("it belongs to a log of which no file is there");
    lab.fileSystem.damage(PATH, 0, new Uint8Array(4196));
    await lab.expectCorrupt("it belongs to a log of which no file is there");
    const fresh = new LogLab();
    await fresh.with(() => {});
    fresh.fileSystem.remove(fresh.path());
    await fresh.with((log) => expect(log.lastIndex()).toBe(0));
  });

  test("a newest file that is gone is missed when it held what the copy calls committed: the log is refused", async () => {
    const lab = new LogLab();
    await lab.with(async (log) => {
      await log.append({ entries: entriesOf(1, 25, 1) });
      await log.append({ entries: [], hardState: { term: 1, vote: null, commit: 24 } });
    });
    const file = lab.bytes(21);
    lab.fileSystem.remove(lab.path(21));
    // A mark at 24 would be too low: entry 25 was acknowledged as well, and nothing says so.
    await lab.expectCorrupt(
      "entry 24 was acknowledged and is not there; what was acknowledged behind it cannot be told",
    );
    // Nothing was changed, so that the file may be put back.
    const again = lab.fileSystem.open(lab.path(21), "create");
    again.writeAt([file], 0);
    again.datasyncNow();
    again.close();
    await lab.with((log) => expect([log.lastIndex(), log.suspect().index]).toEqual([25, 0]));
  });
});

describe("the copy's commit", () => {
  /** Entries 3 to 5 of term 1 were replaced by two of term 2, and a vote of term 3 knew these to be committed; both are zeros. */
  async function cutBehindReplaced(): Promise<{ lab: LogLab; items: Uint8Array }> {
    const lab = new LogLab();
    await lab.with((log) => log.append({ entries: entriesOf(1, 5, 1), hardState: { term: 1, vote: VOTE, commit: 0 } }));
    const items = lab.bytes().subarray(0, 100);
    await lab.with(async (log) => {
      await log.append({ entries: entriesOf(3, 4, 2) });
      await log.append({ entries: [], hardState: { term: 3, vote: VOTE, commit: 4 } });
    });
    const start = lab.startOf(2);
    lab.zero(start, lab.bytes().length - start);
    return { lab, items };
  }

  test("shows that an item behind the end is of an entry that was committed, and no leftover of what a crash cut", async () => {
    const { lab } = await cutBehindReplaced();
    await lab.with((log) => {
      expect(log.recovery.damage).toContain("entry 3 was committed and is not there");
      expect([log.lastIndex(), log.termAt(4), log.suspect()]).toEqual([5, 1, { index: 5, term: 3 }]);
    });
    await lab.with((log) => expect([log.recovery.damage, log.suspect().index]).toEqual([undefined, 5]));
  });

  test("says nothing of what is there when its record is not: that may be what was replaced", async () => {
    const { lab, items } = await cutBehindReplaced();
    lab.damage(0, items);
    for (let start = 0; start < 2; start++) {
      await lab.with((log) => {
        expect([log.lastIndex(), log.termAt(4)]).toEqual([5, 1]);
        expect(log.hardState()).toEqual({ term: 3, vote: VOTE, commit: 0 });
      });
    }
  });

  test("follows a reset to a position before it, which misses nothing", async () => {
    const lab = new LogLab();
    await lab.with(async (log) => {
      await log.append({ entries: entriesOf(1, 15, 1) });
      await log.append({ entries: [], hardState: { term: 1, vote: VOTE, commit: 14 } });
      await log.reset({ index: 12, term: 1 });
    });
    await lab.with((log) => {
      expect([log.recovery.damage, log.lastIndex(), log.suspect().index]).toEqual([undefined, 12, 0]);
      expect(log.hardState()).toMatchObject({ term: 1, vote: VOTE });
    });
  });
});

describe("a start that fails", () => {
  test("at any operation leaves no file open, and the next one begins the log", async () => {
    const whole = new LogLab();
    await whole.open();
    for (let at = 0; at < whole.fileSystem.operations; at++) {
      const lab = new LogLab();
      lab.fileSystem.haltAfter(at);
      const opened = await lab.open().catch(() => undefined);
      if (opened === undefined) expect(lab.fileSystem.handlesOpen, `after ${at} operations`).toBe(0);
      lab.fileSystem.crash({ keepSector: () => true, keepName: () => true });
      await lab.with((log) => expect([log.lastIndex(), log.suspect().index]).toEqual([0, 0]));
    }
  });
});

describe("what is found at the start counts as durable only when it is synced", () => {
  test("a process that ended before its syncs, and a power loss after the next start", async () => {
    const dead = await voted();
    const lab = new LogLab();
    lab.fileSystem.makeDirectory("/log");
    // The same bytes, none of them synced: what the next process sees of one that was ended in the middle.
    for (const name of ["0000000000000001.dlog", "state"]) {
      const file = lab.fileSystem.open(`/log/${name}`, "create");
      file.writeAt([dead.fileSystem.contents(`/log/${name}`)], 0);
    }
    await lab.open();
    lab.fileSystem.crash();
    expect(lab.fileSystem.list("/log")).toEqual(["0000000000000001.dlog", "state"]);
    expect(lab.startOf(0)).toBe(FIRST_RECORDS_END);
    expect(slots(lab)).toEqual(slots(dead));
    await lab.with((log) => {
      expect([log.lastIndex(), log.hardState()]).toEqual([3, { term: 2, vote: OTHER, commit: 3 }]);
      expect(log.recovery).toEqual({ entryCount: 3, tornBytes: 0, itemsRebuilt: 0 });
    });
  });
});
