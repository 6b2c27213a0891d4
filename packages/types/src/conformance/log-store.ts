import type { LogStore } from "../contracts/log-store.ts";
import { type ErrorCode, isDisterError } from "../errors.ts";
import { LIMITS } from "../limits.ts";
import { ENTRY_KIND, type LogEntry } from "../log-entry.ts";
import { expect, expectEqual, type Suite, withFresh } from "./suite.ts";

/** A suite of stores; each subject is fresh and empty. */
export interface LogStoreSuite extends Suite<LogStore> {
  /** Opens again what was closed; without it the checks that need it are left out. */
  restart?(closed: LogStore): Promise<LogStore>;
}

const NODE = "00000000000000AB";

/** What every `LogStore` does. Crashes are not looked at: they take a disk that can lose something. */
export function logStoreConformance(suite: LogStoreSuite): void {
  const check = (name: string, run: (log: LogStore) => Promise<void>): void =>
    suite.test(`LogStore: ${name}`, () => withFresh(suite, run));

  check("a fresh log is empty and stands before index 1", async (log) => {
    expectEqual([log.firstIndex(), log.lastIndex()], [1, 0], "first and last index");
    expectEqual(log.base(), { index: 0, term: 0 }, "base");
    expectEqual(log.hardState(), { term: 0, vote: null, commit: 0 }, "hard state");
    expectEqual([log.termAt(0), log.termAt(1)], [0, undefined], "terms");
    expectEqual(log.read(1, 10, 1000), [], "entries");
    expectEqual(log.recovery.entryCount, 0, "entries found");
  });

  check("what was appended can be read at once, before it is durable (duty 1)", async (log) => {
    const durable = log.append({ entries: entries(1, 3, 1), hardState: { term: 1, vote: NODE, commit: 0 } });
    expectEqual(log.lastIndex(), 3, "last index");
    expectEntries(log.read(1, 3, 1000), entries(1, 3, 1));
    expectEqual(log.hardState(), { term: 1, vote: NODE, commit: 0 }, "hard state");
    await durable;
    expectEntries(log.read(1, 3, 1000), entries(1, 3, 1));
  });

  check("every kind, random number and size of payload comes back as it was", async (log) => {
    const wanted: LogEntry[] = [
      { index: 1, term: 1, r: 0, kind: ENTRY_KIND.empty, payload: new Uint8Array(0) },
      { index: 2, term: 1, r: 9999, kind: ENTRY_KIND.membership, payload: Uint8Array.of(0) },
      { index: 3, term: 7, r: 1, kind: ENTRY_KIND.command, payload: new Uint8Array(100_000).fill(0xee) },
    ];
    await log.append({ entries: wanted });
    expectEntries(log.read(1, 3, 1_000_000), wanted);
    expectEqual(
      [0, 1, 2, 3, 4].map((index) => log.termAt(index) ?? null),
      [0, 1, 1, 7, null],
      "terms",
    );
  });

  check("appends resolve in the order of the calls (duty 2)", async (log) => {
    const order: number[] = [];
    const calls = [1, 2, 3, 4, 5].map((index) =>
      log.append({ entries: index === 3 ? [] : [entryOf(index < 3 ? index : index - 1, 1)] }).then(() => {
        order.push(index);
      }),
    );
    await Promise.all(calls);
    expectEqual(order, [1, 2, 3, 4, 5], "order");
    expectEqual(log.lastIndex(), 4, "last index");
  });

  check("a gap is refused and changes nothing (duty 3)", async (log) => {
    await log.append({ entries: entries(1, 2, 1) });
    await expectRejection(log.append({ entries: [entryOf(4, 1)] }), "DISTER_ERR_LOG_GAP");
    const torn = [entryOf(3, 1), entryOf(5, 1)];
    await expectRejection(log.append({ entries: torn }), "DISTER_ERR_LOG_GAP");
    await expectRejection(log.append({ entries: [entryOf(0, 1)] }), "DISTER_ERR_LOG_GAP");
    expectEqual(log.lastIndex(), 2, "last index");
    await log.append({ entries: [entryOf(3, 1)] });
    expectEqual(log.lastIndex(), 3, "last index");
  });

  check("an entry beyond the limit is refused and changes nothing", async (log) => {
    const payload = new Uint8Array(LIMITS.entryPayloadBytesMax + 1);
    const write = log.append({ entries: [entryOf(1, 1), { ...entryOf(2, 1), payload }] });
    await expectRejection(write, "DISTER_ERR_TOO_LARGE");
    expectEqual(log.lastIndex(), 0, "last index");
  });

  check("an append at or below the last index replaces everything from there on", async (log) => {
    await log.append({ entries: entries(1, 6, 1) });
    const replaced = log.append({ entries: entries(4, 5, 2) });
    const wanted = [...entries(1, 3, 1), ...entries(4, 5, 2)];
    expectEntries(log.read(1, 9, 10_000), wanted);
    await replaced;
    expectEntries(log.read(1, 9, 10_000), wanted);
    expectEqual([log.lastIndex(), log.termAt(5), log.termAt(6)], [5, 2, undefined], "last index and terms");
    await log.append({ entries: entries(1, 1, 3) });
    expectEntries(log.read(1, 9, 10_000), entries(1, 1, 3));
  });

  check("reading is limited by payload bytes, but gives at least one entry", async (log) => {
    const sized = [1, 2, 3].map((index) => ({ ...entryOf(index, 1), payload: new Uint8Array(100).fill(index) }));
    await log.append({ entries: sized });
    expectEqual(log.read(1, 3, 0).length, 1, "entries at a limit of 0 bytes");
    expectEqual(log.read(1, 3, 199).length, 1, "entries at a limit of 199 bytes");
    expectEqual(log.read(1, 3, 200).length, 2, "entries at a limit of 200 bytes");
    expectEqual(log.read(2, 2, 1000).length, 1, "entries from 2 to 2");
    expectEqual(log.read(4, 9, 1000), [], "entries behind the end");
  });

  check("compacting forgets nothing above its index, and what it forgot is said to be compacted", async (log) => {
    await log.append({ entries: entries(1, 40, 1), hardState: { term: 3, vote: null, commit: 40 } });
    await log.compact(25);
    const base = log.base();
    expect(base.index <= 25, `nothing above 25 may go, the base is ${base.index}`);
    expectEqual([log.firstIndex(), log.termAt(base.index)], [base.index + 1, base.term], "first index, term of base");
    expectEntries(log.read(26, 40, 100_000), entries(26, 40, 1));
    expectEqual(log.hardState(), { term: 3, vote: null, commit: 40 }, "hard state");
    if (base.index === 0) return;
    expectCode(() => log.read(base.index, 40, 1000), "DISTER_ERR_LOG_COMPACTED");
    expectEqual(log.termAt(base.index - 1), undefined, "term below the base");
    await expectRejection(log.append({ entries: [entryOf(base.index, 2)] }), "DISTER_ERR_LOG_GAP");
  });

  check("reset forgets every entry, keeps the hard state and goes on behind its base", async (log) => {
    await log.append({ entries: entries(1, 5, 1), hardState: { term: 4, vote: NODE, commit: 2 } });
    await log.reset({ index: 100, term: 3 });
    expectEqual([log.firstIndex(), log.lastIndex()], [101, 100], "first and last index");
    expectEqual([log.termAt(100), log.termAt(99), log.termAt(5)], [3, undefined, undefined], "terms");
    expectEqual(log.hardState(), { term: 4, vote: NODE, commit: 2 }, "hard state");
    expectCode(() => log.read(5, 5, 1000), "DISTER_ERR_LOG_COMPACTED");
    await log.append({ entries: entries(101, 103, 4) });
    expectEntries(log.read(101, 103, 1000), entries(101, 103, 4));
  });

  check("a log without damage is not suspect, and trusting it is harmless (duty 9)", async (log) => {
    expectEqual([log.suspect(), log.recovery.damage], [{ index: 0, term: 0 }, undefined], "a fresh log");
    await log.trust();
    await log.append({ entries: entries(1, 12, 1), hardState: { term: 1, vote: NODE, commit: 5 } });
    await log.trust();
    expectEqual([log.suspect(), log.lastIndex()], [{ index: 0, term: 0 }, 12], "a log with entries");
    await log.reset({ index: 40, term: 1 });
    expectEqual([log.suspect(), log.lastIndex()], [{ index: 0, term: 0 }, 40], "a log that was reset");
  });

  check("verifying goes on piece by piece, and ends behind the last entry", async (log) => {
    expectEqual(log.verify(1, 1000), { damaged: false, next: 1 }, "a fresh log");
    await log.append({ entries: entries(1, 40, 1) });
    void log.append({ entries: entries(35, 52, 2) });
    await log.append({ entries: [] });
    for (const bytesMax of [1, 200, 1_000_000]) {
      let from = 1;
      while (from <= log.lastIndex()) {
        const found = log.verify(from, bytesMax);
        if (found.damaged) throw new Error(`nothing is damaged, but ${found.reason}`);
        expect(found.next > from && found.next <= 53, `verifying ${from} goes on, not to ${found.next}`);
        from = found.next;
      }
      expectEqual(log.verify(from, bytesMax), { damaged: false, next: 53 }, "behind the last entry");
    }
    await log.compact(25);
    const found = log.verify(1, 1);
    expect(!found.damaged && found.next > log.firstIndex(), "it begins with what is kept");
    expectEntries(log.read(26, 34, 100_000), entries(26, 34, 1));
  });

  check("a closed log refuses appends", async (log) => {
    await log.append({ entries: [entryOf(1, 1)] });
    await log.close();
    await expectRejection(log.append({ entries: [entryOf(2, 1)] }), "DISTER_ERR_STOPPED");
  });

  if (suite.restart === undefined) return;

  check("entries, terms and hard state are there after a restart", async (log) => {
    const hardState = { term: 9, vote: NODE, commit: 11 };
    void log.append({ entries: entries(1, 12, 1) });
    void log.append({ entries: entries(9, 14, 2), hardState });
    await log.close();
    const again = await suite.restart!(log);
    const wanted = [...entries(1, 8, 1), ...entries(9, 14, 2)];
    expectEqual([again.firstIndex(), again.lastIndex()], [1, 14], "first and last index");
    expectEntries(again.read(1, 14, 100_000), wanted);
    expectEqual(
      [8, 9, 14].map((index) => again.termAt(index)),
      [1, 2, 2],
      "terms",
    );
    expectEqual(again.hardState(), hardState, "hard state");
    expectEqual(again.recovery.entryCount, 14, "entries found");
    await again.close();
  });

  check(
    "a hard state without entries, and that nothing is suspect, are there after a restart (duty 8)",
    async (log) => {
      const hardState = { term: 3, vote: NODE, commit: 0 };
      void log.append({ entries: [], hardState: { term: 2, vote: null, commit: 0 } });
      void log.append({ entries: [], hardState });
      await log.trust();
      await log.close();
      const again = await suite.restart!(log);
      expectEqual([again.hardState(), again.suspect()], [hardState, { index: 0, term: 0 }], "hard state and suspicion");
      expectEqual(again.recovery.damage, undefined, "damage");
      await again.close();
    },
  );

  check("a reset log is still reset after a restart", async (log) => {
    await log.append({ entries: entries(1, 12, 1), hardState: { term: 2, vote: null, commit: 3 } });
    await log.reset({ index: 8, term: 2 });
    await log.append({ entries: entries(9, 9, 2) });
    await log.close();
    const again = await suite.restart!(log);
    expectEqual([again.base(), again.lastIndex()], [{ index: 8, term: 2 }, 9], "base and last index");
    expectEqual(again.hardState(), { term: 2, vote: null, commit: 3 }, "hard state");
    await again.close();
  });
}

function entryOf(index: number, term: number): LogEntry {
  const payload = new Uint8Array(20).map((_, at) => index * 7 + term * 31 + at);
  return { index, term, r: (index * 37 + term) % 10_000, kind: ENTRY_KIND.command, payload };
}

function entries(from: number, to: number, term: number): LogEntry[] {
  return Array.from({ length: to - from + 1 }, (_, at) => entryOf(from + at, term));
}

function plain(list: readonly LogEntry[]): unknown {
  return list.map(({ index, term, r, kind, payload }) => ({ index, term, r, kind, payload: [...payload] }));
}

function expectEntries(got: readonly LogEntry[], wanted: readonly LogEntry[]): void {
  expectEqual(plain(got), plain(wanted), "entries");
}

function expectCode(run: () => unknown, code: ErrorCode): void {
  let caught: unknown;
  try {
    run();
  } catch (error) {
    caught = error;
  }
  expect(isDisterError(caught, code), `throws ${code}, got ${String(caught)}`);
}

async function expectRejection(promise: Promise<unknown>, code: ErrorCode): Promise<void> {
  let caught: unknown;
  try {
    await promise;
  } catch (error) {
    caught = error;
  }
  expect(isDisterError(caught, code), `rejects with ${code}, got ${String(caught)}`);
}
