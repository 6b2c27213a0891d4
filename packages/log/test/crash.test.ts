import { type HardState, NO_LOGGER } from "@dister/types";
import { type CrashChoice, MemoryFileSystem, SeededRng } from "@dister/types/testing";
import { describe, expect, test } from "vitest";
import { type DiskLog, openLog } from "../src/index.ts";
import {
  after,
  type Call,
  difference,
  during,
  EMPTY,
  entriesOf,
  entryOf,
  type ModelState,
  perform,
} from "./log-model.ts";

const IDENTITY = { group: "test", nodeId: "00000000000000AB", clusterId: "00000000000000C1" };

function open(fileSystem: MemoryFileSystem, fileBytesMax = 1024 * 1024): Promise<DiskLog> {
  return openLog({
    components: { fileSystem, logger: NO_LOGGER },
    options: {
      directory: "/log",
      identity: IDENTITY,
      entriesPerFile: 5,
      preallocateBytes: 2048,
      cacheBytes: 200,
      openFilesMax: 2,
      fileBytesMax,
    },
  });
}

const hard = (term: number, commit: number): HardState => ({ term, vote: "00000000000000AB", commit });

function append(from: number, to: number, term: number, more: { bytes?: number; hardState?: HardState } = {}): Call {
  const entries = entriesOf(from, to, term, more.bytes);
  return { type: "append", entries, ...(more.hardState === undefined ? {} : { hardState: more.hardState }) };
}

/** Calls by turns: what is in one turn is handed in together. */
const WORKLOADS: Readonly<Record<string, readonly (readonly Call[])[]>> = {
  "appends of several sizes, alone and together": [
    [{ type: "append", entries: [], hardState: hard(1, 0) }],
    [append(1, 1, 1)],
    [append(2, 2, 1, { bytes: 900 }), append(3, 3, 1), append(4, 4, 2, { bytes: 600, hardState: hard(2, 3) })],
    [append(5, 5, 2, { bytes: 3000, hardState: hard(2, 4) })],
  ],
  "a batch over three files": [
    [append(1, 3, 1)],
    [append(4, 12, 2, { bytes: 300, hardState: hard(2, 4) })],
    [append(13, 13, 2)],
  ],
  "truncation inside a file": [
    [append(1, 5, 1, { bytes: 300, hardState: hard(1, 1) })],
    [append(2, 3, 2, { bytes: 500 })],
    [append(3, 3, 3, { hardState: hard(3, 2) }), append(4, 4, 3), append(4, 5, 4)],
    [append(1, 1, 5)],
  ],
  "truncation over file boundaries": [
    [append(1, 13, 1, { hardState: hard(1, 2) })],
    [append(4, 4, 2, { bytes: 700, hardState: hard(2, 3) })],
    [append(5, 12, 2)],
    [append(6, 6, 3), append(7, 8, 3, { hardState: hard(3, 4) })],
    [append(11, 11, 3)].slice(1),
    [append(5, 11, 4)],
  ],
  "compaction between appends": [
    [append(1, 12, 1, { hardState: hard(1, 12) })],
    [{ type: "compact", index: 7 }, append(13, 14, 1)],
    [{ type: "compact", index: 14 }],
    [append(15, 21, 2, { hardState: hard(2, 15) })],
    [{ type: "compact", index: 21 }],
  ],
  "resets beyond the log, inside it and before a truncation": [
    [append(1, 7, 1, { hardState: hard(1, 3) })],
    [{ type: "reset", base: { index: 20, term: 2 } }, append(21, 23, 2, { hardState: hard(3, 20) })],
    [append(22, 30, 3)],
    [{ type: "reset", base: { index: 25, term: 3 } }],
    [append(26, 32, 4, { hardState: hard(4, 26) })],
    [append(27, 27, 5)],
  ],
};

/** Does the calls until the disk stops; says which were begun and how many were acknowledged. */
async function run(
  log: DiskLog,
  workload: readonly (readonly Call[])[],
): Promise<{ begun: Call[]; acknowledged: number }> {
  const begun: Call[] = [];
  let acknowledged = 0;
  for (const turn of workload) {
    const results = turn.map((call) => {
      begun.push(call);
      return perform(log, call).then(
        () => {
          acknowledged++;
          return true;
        },
        () => false,
      );
    });
    const all = await Promise.all(results);
    if (all.includes(false)) break;
  }
  return { begun, acknowledged };
}

/** Every state that a log may be in when so many of the calls were acknowledged. */
function allowed(begun: readonly Call[], acknowledged: number): ModelState[] {
  const states: ModelState[] = [];
  let state = EMPTY;
  for (const [at, call] of begun.entries()) {
    if (at >= acknowledged) states.push(...during(state, call));
    state = after(state, call);
  }
  return [...states, state];
}

/** What a crash keeps: nothing, everything, single sectors, random halves. */
function choices(seed: number): CrashChoice[] {
  const random = (part: number, from: number): CrashChoice => {
    const rng = new SeededRng(from);
    return { keepSector: () => rng.next() < part, keepName: () => rng.next() < 0.5 };
  };
  let sector = 0;
  return [
    {},
    { keepSector: () => true, keepName: () => true },
    { keepSector: () => true },
    { keepSector: () => sector++ % 2 === seed % 2, keepName: () => true },
    { keepSector: (_, offset) => offset < 4096, keepName: () => true },
    { keepSector: (_, offset) => offset >= 4096 },
    random(0.2, seed * 3 + 1),
    random(0.5, seed * 3 + 2),
    random(0.8, seed * 3 + 3),
  ];
}

function expectOneOf(log: DiskLog, states: readonly ModelState[], where: string): ModelState {
  const differences: string[] = [];
  for (const state of states) {
    const found = difference(log, state);
    if (found === undefined) return state;
    differences.push(found);
  }
  throw new Error(`${where}: the log is in no allowed state: ${[...new Set(differences)].join("; ")}`);
}

/** An append at the end, or one that replaces as much as may be replaced. */
function nextCall(log: DiskLog, seed: number): Call {
  const hardState = hard(9, log.hardState().commit);
  const lowest = Math.max(log.firstIndex(), log.hardState().commit + 1);
  const index = seed % 2 === 1 && lowest <= log.lastIndex() ? lowest : log.lastIndex() + 1;
  const term = (log.termAt(log.lastIndex()) ?? 0) + 1;
  return { type: "append", entries: [entryOf(index, term, 100), entryOf(index + 1, term, 700)], hardState };
}

/** Opens after a crash, crashing again `crashes` times in the middle of that. */
async function openAgain(fileSystem: MemoryFileSystem, seed: number, crashes: number): Promise<DiskLog> {
  for (let attempt = 0; attempt < crashes; attempt++) {
    fileSystem.haltAfter(attempt + (seed % 3));
    await open(fileSystem).then(
      () => undefined,
      () => undefined,
    );
    const rng = new SeededRng(seed + attempt);
    fileSystem.crash({ keepSector: () => rng.next() < 0.5, keepName: () => rng.next() < 0.5 });
  }
  return open(fileSystem);
}

describe("P1: a crash after any operation on the disk leaves what was acknowledged", { timeout: 60_000 }, () => {
  for (const [name, workload] of Object.entries(WORKLOADS)) {
    test(name, async () => {
      const whole = new MemoryFileSystem();
      const undisturbed = await open(whole);
      const { begun, acknowledged } = await run(undisturbed, workload);
      expect(acknowledged).toBe(begun.length);
      expect(difference(undisturbed, allowed(begun, acknowledged).at(-1)!)).toBeUndefined();
      await undisturbed.close();

      for (let operations = 0; operations <= whole.operations; operations++) {
        for (const [at, choice] of choices(operations).entries()) {
          const fileSystem = new MemoryFileSystem();
          fileSystem.haltAfter(operations);
          const log = await open(fileSystem).catch(() => undefined);
          const done = log === undefined ? { begun: [], acknowledged: 0 } : await run(log, workload);
          fileSystem.crash(choice);

          const where = `${name}, crash after ${operations} operations, choice ${at}`;
          const states = allowed(done.begun, done.acknowledged);
          const again = await openAgain(fileSystem, operations + at, (operations + at) % 3).catch((error: unknown) => {
            throw new Error(`${where}: ${String(error)}`, { cause: error });
          });
          let state = expectOneOf(again, states, where);
          // It goes on from there: first into another crash, then with an append that survives the loss of all else.
          const next = nextCall(again, operations + at);
          fileSystem.haltAfter(1 + (at % 4));
          const isDone = await perform(again, next).then(
            () => true,
            () => false,
          );
          const rng = new SeededRng(operations * 31 + at);
          fileSystem.crash({ keepSector: () => rng.next() < 0.6, keepName: () => rng.next() < 0.5 });
          const third = await open(fileSystem);
          const later = isDone ? [after(state, next)] : [...during(state, next)];
          state = expectOneOf(third, later, `${where}, and a crash in the next append`);
          const call = nextCall(third, 0);
          await perform(third, call);
          fileSystem.crash();
          const last = await open(fileSystem);
          expectOneOf(last, [after(state, call)], `${where}, after another append`);
          await last.close();
        }
      }
    });
  }
});
