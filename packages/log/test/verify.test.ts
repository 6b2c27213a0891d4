import { DisterError, type FileHandle, type FileSystem, type Logger, NO_LOGGER } from "@dister/types";
import type { MemoryFileSystem } from "@dister/types/testing";
import { describe, expect, test } from "vitest";
import { type DiskLog, openLog } from "../src/index.ts";
import { DATA_OFFSET, FIRST_RECORDS_END, IDENTITY, LogLab } from "./log-lab.ts";
import { entriesOf, entryOf } from "./log-model.ts";

/** A closed log of 26 entries, ten in a file, of which 3 to 6 were replaced once. */
async function threeFiles(): Promise<LogLab> {
  const lab = new LogLab();
  await lab.with(async (log) => {
    await log.append({ entries: entriesOf(1, 6, 1), hardState: { term: 1, vote: null, commit: 2 } });
    await log.append({ entries: entriesOf(3, 8, 2) });
    await log.append({ entries: entriesOf(9, 26, 2) });
  });
  return lab;
}

/** Verifies from an index on to the end, and says where the pieces began. */
function verifyAll(log: DiskLog, from: number, bytesMax: number): number[] {
  const begun: number[] = [];
  while (from <= log.lastIndex()) {
    begun.push(from);
    const found = log.verify(from, bytesMax);
    if (found.damaged) throw new Error(found.reason);
    expect(found.next).toBeGreaterThan(from);
    from = found.next;
  }
  expect(from).toBe(log.lastIndex() + 1);
  return begun;
}

/** Counts what is read, and can be out of descriptors. */
class WatchedFileSystem implements FileSystem {
  bytesRead = 0;
  opened = 0;
  failures: string[] = [];
  readonly #inner: MemoryFileSystem;

  constructor(inner: MemoryFileSystem) {
    this.#inner = inner;
  }

  open(path: string, mode: "create" | "write" | "read"): FileHandle {
    const reason = this.failures.shift();
    if (reason !== undefined) throw new DisterError("DISTER_ERR_DISK", { operation: "open", path, reason });
    this.opened++;
    const handle = this.#inner.open(path, mode);
    return {
      ...handle,
      path,
      readAt: (target, position) => {
        const count = handle.readAt(target, position);
        this.bytesRead += count;
        return count;
      },
    };
  }

  makeDirectory = (path: string): void => this.#inner.makeDirectory(path);
  list = (path: string): string[] => this.#inner.list(path);
  exists = (path: string): boolean => this.#inner.exists(path);
  remove = (path: string): void => this.#inner.remove(path);
  rename = (from: string, to: string): void => this.#inner.rename(from, to);
  syncDirectory = (path: string): void => this.#inner.syncDirectory(path);
  lock = (path: string): (() => void) => this.#inner.lock(path);
}

async function openWatched(
  lab: LogLab,
  more: { logger?: Logger; openFilesMax?: number } = {},
): Promise<{ log: DiskLog; watched: WatchedFileSystem }> {
  const watched = new WatchedFileSystem(lab.fileSystem);
  const options = { directory: "/log", identity: IDENTITY, entriesPerFile: 10, cacheBytes: 0, preallocateBytes: 8192 };
  const { logger = NO_LOGGER, openFilesMax = 16 } = more;
  const log = await openLog({
    components: { fileSystem: watched, logger },
    options: { ...options, openFilesMax },
  });
  return { log, watched };
}

describe("verifying", () => {
  test("looks at every entry of the complete files, in pieces of any size, and never at the last file", async () => {
    const lab = await threeFiles();
    await lab.with((log) => {
      expect(verifyAll(log, 1, 1)).toEqual([...Array.from({ length: 20 }, (_, at) => at + 1), 21]);
      expect(verifyAll(log, 1, 1e6)).toEqual([1, 11, 21]);
      expect(verifyAll(log, 5, 1e6)).toEqual([5, 11, 21]);
      expect(verifyAll(log, 1, 250).length).toBeLessThan(15);
      lab.flip(lab.startOf(2, 21), 50, 21);
      expect(verifyAll(log, 21, 1e6)).toEqual([21]);
      expect(log.verify(27, 10)).toEqual({ damaged: false, next: 27 });
      expect(log.verify(99, 10)).toEqual({ damaged: false, next: 27 });
    });
  });

  test("finds every byte of damage in the records, replaced ones as well, whatever the size of a piece", async () => {
    for (const bytesMax of [1, 300, 1e6]) {
      const sound = await threeFiles();
      const end = sound.startOf(9) + 104;
      for (let offset = DATA_OFFSET; offset < end; offset += 13) {
        const lab = await threeFiles();
        await lab.with((log) => {
          lab.flip(offset, 1);
          const damaged = { damaged: true, from: 1, to: 10, reason: expect.stringContaining(lab.path(1)) };
          let from = 1;
          for (;;) {
            const found = log.verify(from, bytesMax);
            if (found.damaged) {
              expect(found).toEqual(damaged);
              break;
            }
            from = found.next;
            expect(from, `the damage at ${offset} is found, ${bytesMax} bytes at a time`).toBeLessThanOrEqual(10);
          }
        });
      }
    }
  }, 60_000);

  test("what it finds is noted, so that the next start cuts there", async () => {
    const lab = await threeFiles();
    const log = await lab.open();
    const offset = lab.startOf(4, 11);
    lab.flip(offset + 70, 1, 11);
    expect(log.verify(11, 1e6)).toMatchObject({ damaged: true, from: 11, to: 20 });
    expect(log.suspect().index).toBe(0);
    lab.fileSystem.crash();
    await lab.expectSuspect("ends before the next one begins", { lastIndex: 14, index: 26, baseIndex: 11, offset });
  });

  test("a record that is sound and lies in the place of another is damage", async () => {
    const lab = await threeFiles();
    await lab.with((log) => {
      const [from, to] = [lab.startOf(3, 11), lab.startOf(4, 11)];
      lab.damage(to, lab.bytes(11).subarray(from, from + 104), 11);
      expect(log.verify(15, 1)).toMatchObject({ damaged: true, from: 11, to: 20 });
    });
  });

  test("the last record of a file is the one from which the next file goes on", async () => {
    const lab = await threeFiles();
    const other = new LogLab();
    await other.with((log) => log.append({ entries: entriesOf(1, 26, 2) }));
    await lab.with((log) => {
      lab.damage(0, other.bytes(11), 11);
      expect(log.verify(11, 1e6)).toMatchObject({ damaged: true });
    });
  });

  test("wrong items alone are no damage: they are rebuilt in memory, and it is said once", async () => {
    for (const bytesMax of [1, 1e6]) {
      for (const harm of [
        (lab: LogLab) => lab.zero(0, 100),
        (lab: LogLab) => lab.zero(40, 10),
        (lab: LogLab) => lab.flip(30, 1),
        (lab: LogLab) => lab.flip(39, 1),
        // Leads to a replaced record of its own index, to one of another, and out of the file.
        (lab: LogLab) => lab.damage(40, Buffer.from(itemAt(FIRST_RECORDS_END + 4 * 104, 104), "hex")),
        (lab: LogLab) => lab.damage(40, lab.bytes().subarray(60, 70)),
        (lab: LogLab) => lab.damage(40, Buffer.from(itemAt(2 ** 40, 104), "hex")),
        (lab: LogLab) => lab.damage(90, Buffer.from(itemAt(2 ** 40, 104), "hex")),
      ]) {
        const lab = await threeFiles();
        const warnings: unknown[] = [];
        const logger: Logger = { ...NO_LOGGER, warn: (...said) => void warnings.push(said) };
        const { log } = await openWatched(lab, { logger });
        harm(lab);
        verifyAll(log, 1, bytesMax);
        verifyAll(log, 1, bytesMax);
        expect(warnings.filter((said) => JSON.stringify(said).includes("items of a log file"))).toHaveLength(1);
        expect(log.read(1, 10, 1e6)).toEqual([...entriesOf(1, 2, 1), ...entriesOf(3, 10, 2)]);
        await log.close();
      }
    }
  });

  test("begins with what is kept", async () => {
    const lab = await threeFiles();
    await lab.with(async (log) => {
      await log.compact(10);
      lab.flip(lab.startOf(1, 11) + 70, 1, 11);
      expect(log.verify(1, 1)).toMatchObject({ damaged: false, next: 12 });
      expect(log.verify(12, 1)).toMatchObject({ damaged: true, from: 11, to: 20 });
    });
  });

  test("reads about as much as it was told", async () => {
    const lab = new LogLab();
    await lab.with((log) => log.append({ entries: entriesOf(1, 11, 1, 100_000) }));
    const { log, watched } = await openWatched(lab);
    for (const bytesMax of [1, 50_000, 250_000]) {
      for (let from = 1; from <= 10; ) {
        const before = watched.bytesRead;
        const found = log.verify(from, bytesMax);
        // The record before the first, and the end of the last.
        expect(watched.bytesRead - before).toBeLessThan(bytesMax * 2 + 350_000);
        from = found.damaged ? 99 : found.next;
      }
    }
    await log.close();
  });

  test("takes a file of its own and gives it back, and what is open for reading stays open", async () => {
    const lab = await threeFiles();
    const { log, watched } = await openWatched(lab, { openFilesMax: 1 });
    log.read(2, 2, 0);
    const before = lab.fileSystem.handlesOpen;
    verifyAll(log, 1, 100);
    expect(lab.fileSystem.handlesOpen).toBe(before);
    const opened = watched.opened;
    log.read(2, 2, 0);
    expect(watched.opened).toBe(opened);
    lab.flip(lab.startOf(1, 11) + 70, 1, 11);
    expect(log.verify(11, 1e6).damaged).toBe(true);
    expect(lab.fileSystem.handlesOpen).toBe(before);
    await log.close();
    expect(() => log.verify(1, 1)).toThrow("has stopped");
  });
});

describe("a process without a descriptor left", () => {
  test("reads on after it has given back those that were only kept for later", async () => {
    for (const reason of ["EMFILE", "ENFILE"]) {
      const lab = new LogLab();
      await lab.with((log) => log.append({ entries: entriesOf(1, 66, 1) }));
      const { log, watched } = await openWatched(lab);
      for (const index of [5, 15, 25]) log.read(index, index, 0);
      const before = lab.fileSystem.handlesOpen;
      watched.failures = [reason];
      expect(log.read(35, 35, 0)).toEqual([entryOf(35, 1)]);
      expect(lab.fileSystem.handlesOpen).toBe(before - 2);
      watched.failures = [reason];
      expect(log.termAt(45)).toBe(1);
      watched.failures = [reason];
      verifyAll(log, 1, 1e6);
      for (const index of [5, 15, 25]) expect(log.read(index, index, 0)).toEqual([entryOf(index, 1)]);
      await log.close();
      expect(lab.fileSystem.handlesOpen).toBe(0);
    }
  });

  test("is told so when that does not help, and reads on when it does again", async () => {
    const lab = new LogLab();
    await lab.with((log) => log.append({ entries: entriesOf(1, 66, 1) }));
    const { log, watched } = await openWatched(lab);
    watched.failures = ["EMFILE", "EMFILE"];
    expect(() => log.read(5, 5, 0)).toThrow("open of /log/0000000000000001.dlog failed: EMFILE");
    expect(log.read(5, 5, 0)).toEqual([entryOf(5, 1)]);
    watched.failures = ["EIO"];
    expect(() => log.read(15, 15, 0)).toThrow("EIO");
    await log.append({ entries: [entryOf(67, 1)] });
    await log.close();
  });

  test("makes the next file of the log all the same", async () => {
    const lab = new LogLab();
    await lab.with((log) => log.append({ entries: entriesOf(1, 66, 1) }));
    const { log, watched } = await openWatched(lab);
    for (const index of [5, 15, 25]) log.read(index, index, 0);
    watched.failures = ["EMFILE"];
    await log.append({ entries: entriesOf(67, 75, 1) });
    expect(log.read(60, 75, 1e6)).toEqual(entriesOf(60, 75, 1));
    await log.close();
  });
});

/** An item with r of entry 5 and term 2, in hexadecimal digits. */
function itemAt(start: number, length: number): string {
  return ((BigInt(5 * 37 + 2) << 66n) | (BigInt(start) << 23n) | BigInt(length)).toString(16).padStart(20, "0");
}
