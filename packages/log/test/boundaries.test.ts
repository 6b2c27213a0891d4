import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DisterError, type FileHandle, isDisterError, LIMITS, type LogEntry, NO_LOGGER } from "@dister/types";
import { MemoryFileSystem } from "@dister/types/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type DiskLog, type LogOptions, NodeFileSystem, openLog } from "../src/index.ts";
import { codeOf, IDENTITY, LogLab } from "./log-lab.ts";
import { entriesOf, entryOf } from "./log-model.ts";

let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "dister-log-"));
});

afterEach(() => rmSync(folder, { recursive: true }));

function openOnDisk(options: Partial<LogOptions> = {}): Promise<DiskLog> {
  return openLog({
    components: { fileSystem: new NodeFileSystem(), logger: NO_LOGGER },
    options: { directory: join(folder, "log"), identity: IDENTITY, ...options },
  });
}

const logFiles = (): string[] => readdirSync(join(folder, "log")).filter((name) => name.endsWith(".dlog"));

const tiny = (index: number, term = 1): LogEntry => ({ ...entryOf(index, term, 0), payload: new Uint8Array(0) });

const tinies = (from: number, to: number, term?: number): LogEntry[] =>
  Array.from({ length: to - from + 1 }, (_, at) => tiny(from + at, term));

describe("entries 999,999, 1,000,000 and 1,000,001 (P1)", () => {
  test("in files of as many entries as in use: the last item, the next file, and a truncation back over it", async () => {
    // About two seconds of work: a million entries are written, and read once.
    let log = await openOnDisk();
    const appends: Promise<void>[] = [];
    for (let from = 1; from <= 999_998; from += LIMITS.appendEntriesMax) {
      appends.push(log.append({ entries: tinies(from, Math.min(999_998, from + LIMITS.appendEntriesMax - 1)) }));
    }
    await Promise.all(appends);
    await log.append({ entries: [tiny(999_999)] });
    await log.append({ entries: [tiny(1_000_000)] });
    expect(logFiles()).toEqual(["0000000000000001.dlog"]);
    await log.append({ entries: [tiny(1_000_001)] });
    expect(logFiles()).toEqual(["0000000000000001.dlog", "0000000001000001.dlog"]);
    await log.close();

    log = await openOnDisk();
    expect(log.lastIndex()).toBe(1_000_001);
    expect(log.read(999_998, 1_000_001, 1e6)).toEqual(tinies(999_998, 1_000_001));
    // Back over the boundary, and over it again in the same batch.
    await log.append({ entries: tinies(999_999, 1_000_003, 2) });
    expect(log.read(999_997, 1_000_003, 1e6)).toEqual([...tinies(999_997, 999_998), ...tinies(999_999, 1_000_003, 2)]);
    await log.close();

    log = await openOnDisk();
    expect([log.lastIndex(), log.recovery.itemsRebuilt]).toEqual([1_000_003, 0]);
    expect(log.read(999_997, 1_000_003, 1e6)).toEqual([...tinies(999_997, 999_998), ...tinies(999_999, 1_000_003, 2)]);
    expect([999_998, 999_999, 1_000_000, 1_000_001].map((index) => log.termAt(index))).toEqual([1, 2, 2, 2]);
    // Back to the last item of the first file: all of that is read when the log is opened.
    await log.append({ entries: [tiny(1_000_000, 3)] });
    expect(logFiles()).toEqual(["0000000000000001.dlog"]);
    await log.close();
    log = await openOnDisk();
    expect([log.lastIndex(), log.recovery.itemsRebuilt]).toEqual([1_000_000, 0]);
    expect([999_999, 1_000_000, 1_000_001].map((index) => log.termAt(index))).toEqual([2, 3, undefined]);
    await log.close();
  }, 120_000);

  test("as numbers behind a snapshot: slots are counted from the base of the file", async () => {
    const lab = new LogLab();
    const options = { entriesPerFile: 1_000_000, preallocateBytes: 0 };
    await lab.with(async (log) => {
      await log.reset({ index: 999_998, term: 4 });
      for (const index of [999_999, 1_000_000, 1_000_001]) await log.append({ entries: [entryOf(index, 5)] });
    }, options);
    await lab.with((log) => {
      expect(log.base()).toEqual({ index: 999_998, term: 4 });
      expect(log.read(999_999, 1_000_001, 1e6)).toEqual(entriesOf(999_999, 1_000_001, 5));
    }, options);
    expect(lab.fileSystem.list("/log").filter((name) => name.endsWith(".dlog"))).toEqual(["0000000000999999.dlog"]);
  });
});

/** Files of this process that lie in the folder of the test and are open. */
function descriptors(): number {
  let count = 0;
  for (const name of readdirSync("/proc/self/fd")) {
    try {
      if (readlinkSync(`/proc/self/fd/${name}`).startsWith(folder)) count++;
    } catch {
      // It was the descriptor of the listing itself.
    }
  }
  return count;
}

describe("items of a truncated log", () => {
  test("of entries that a truncation into an older file makes void none is left", async () => {
    const lab = new LogLab();
    await lab.with(async (log) => {
      await log.append({ entries: entriesOf(1, 25, 1) });
      await log.append({ entries: entriesOf(4, 5, 2) });
    });
    for (let slot = 0; slot < 5; slot++) expect(lab.item(slot), `slot ${slot}`).not.toBe("0".repeat(20));
    for (let slot = 5; slot < 10; slot++) expect(lab.item(slot), `slot ${slot}`).toBe("0".repeat(20));
  });
});

describe("descriptors", () => {
  test("ten thousand files, read now and then and compacted, leave none behind", async () => {
    const lab = new LogLab();
    const log = await lab.open({ entriesPerFile: 1, preallocateBytes: 0, openFilesMax: 4 });
    for (let index = 1; index <= 10_000; index++) {
      await log.append({ entries: [entryOf(index, 1)] });
      if (index % 10 !== 0) continue;
      expect(log.read(index - 6, index - 6, 0)).toEqual([entryOf(index - 6, 1)]);
      if (index % 100 === 0) await log.compact(index - 50);
    }
    expect(lab.fileSystem.handlesOpen).toBeLessThanOrEqual(6);
    expect([log.firstIndex(), log.lastIndex()]).toEqual([9951, 10_000]);
    await log.close();
    expect(lab.fileSystem.handlesOpen).toBe(0);
  }, 60_000);

  test("the same on the disk, as the system counts them", async () => {
    const log = await openOnDisk({ entriesPerFile: 2, preallocateBytes: 0, cacheBytes: 0, openFilesMax: 3 });
    for (let from = 1; from <= 200; from += 20) {
      await log.append({ entries: entriesOf(from, from + 19, 1) });
      log.read(Math.max(1, from - 30), from, 1e6);
    }
    await log.append({ entries: entriesOf(101, 120, 2) });
    await log.compact(60);
    await log.reset({ index: 500, term: 3 });
    await log.append({ entries: entriesOf(501, 520, 3) });
    log.read(501, 520, 1e6);
    expect(descriptors()).toBeLessThanOrEqual(6);
    await log.close();
    expect(descriptors()).toBe(0);
  }, 30_000);
});

/** Files in memory of which none more can be opened for a while. */
class FewDescriptors extends MemoryFileSystem {
  isExhausted = false;

  override open(path: string, mode: "create" | "write" | "read"): FileHandle {
    if (this.isExhausted) throw new DisterError("DISTER_ERR_DISK", { operation: "open", path, reason: "EMFILE" });
    return super.open(path, mode);
  }
}

describe("when no more files can be opened (EMFILE)", () => {
  const openIn = (fileSystem: MemoryFileSystem): Promise<DiskLog> =>
    openLog({
      components: { fileSystem, logger: NO_LOGGER },
      options: { directory: "/log", identity: IDENTITY, entriesPerFile: 10, cacheBytes: 0, preallocateBytes: 4096 },
    });

  async function twoFiles(): Promise<FewDescriptors> {
    const fileSystem = new FewDescriptors();
    const log = await openIn(fileSystem);
    await log.append({ entries: entriesOf(1, 15, 1), hardState: { term: 1, vote: null, commit: 3 } });
    await log.close();
    return fileSystem;
  }

  test("an older file is not read, later it is; appends to the file that is open go on", async () => {
    const fileSystem = await twoFiles();
    const log = await openIn(fileSystem);
    fileSystem.isExhausted = true;
    expect(() => log.read(1, 10, 1e6)).toThrow("EMFILE");
    await log.append({ entries: entriesOf(16, 18, 1) });
    expect(log.read(11, 18, 1e6)).toEqual(entriesOf(11, 18, 1));
    fileSystem.isExhausted = false;
    expect(log.read(1, 18, 1e6)).toEqual(entriesOf(1, 18, 1));
    await log.close();
    expect(fileSystem.handlesOpen).toBe(0);
  });

  test("an append for which a file must be made or opened again is refused, and nothing acknowledged is lost", async () => {
    for (const entries of [entriesOf(16, 25, 1), entriesOf(8, 9, 2)]) {
      const fileSystem = await twoFiles();
      const log = await openIn(fileSystem);
      fileSystem.isExhausted = true;
      expect(await codeOf(log.append({ entries }))).toBe("DISTER_ERR_DISK");
      fileSystem.isExhausted = false;
      await log.close();
      expect(fileSystem.handlesOpen).toBe(0);
      const again = await openIn(fileSystem);
      expect(again.read(1, 15, 1e6)).toEqual(entriesOf(1, 15, 1));
      expect(again.hardState().commit).toBe(3);
      await again.append({ entries });
      await again.close();
    }
  });

  test("a start fails without a change, gives the lock back, and succeeds later", async () => {
    const fileSystem = await twoFiles();
    const operations = fileSystem.operations;
    fileSystem.isExhausted = true;
    expect(await codeOf(openIn(fileSystem))).toBe("DISTER_ERR_DISK");
    // The syncs of the folder and of the one above change nothing.
    expect(fileSystem.operations - operations).toBeLessThanOrEqual(2);
    expect(fileSystem.handlesOpen).toBe(0);
    fileSystem.isExhausted = false;
    const log = await openIn(fileSystem);
    expect(log.read(1, 15, 1e6)).toEqual(entriesOf(1, 15, 1));
    await log.close();
  });
});

describe("two processes", () => {
  const source = new URL("../src/index.ts", import.meta.url).href;
  /** Opens the log in a process of its own, says what came of it, and keeps it open until its input ends. */
  const program = `
    import { NodeFileSystem, openLog } from ${JSON.stringify(source)};
    const logger = { debug() {}, info() {}, warn() {}, error() {} };
    const [directory, identity] = process.argv.slice(1);
    const options = { directory, identity: JSON.parse(identity), entriesPerFile: 10, preallocateBytes: 0 };
    openLog({ components: { fileSystem: new NodeFileSystem(), logger }, options }).then(
      (log) => { console.log("open " + log.lastIndex()); process.stdin.on("end", () => log.close()).resume(); },
      (error) => { console.log(error.code + " " + error.details?.pid); process.stdin.destroy(); },
    );`;

  async function other(): Promise<{ pid: number; said: string; end(): Promise<void> }> {
    const args = ["--conditions=@dister/source", "--input-type=module", "-e", program];
    const child = spawn(process.execPath, [...args, join(folder, "log"), JSON.stringify(IDENTITY)], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    const [line] = (await once(child.stdout, "data")) as [Buffer];
    const ended = once(child, "exit");
    const end = async (): Promise<void> => {
      child.stdin.end();
      await ended;
    };
    return { pid: child.pid!, said: line.toString().trim(), end };
  }

  test("the second is refused and told who the first is, until that has closed the log", {
    timeout: 30_000,
  }, async () => {
    const mine = await openOnDisk({ entriesPerFile: 10, preallocateBytes: 0 });
    await mine.append({ entries: entriesOf(1, 3, 1) });
    const refused = await other();
    expect(refused.said).toBe(`DISTER_ERR_LOCKED ${process.pid}`);
    await refused.end();
    await mine.append({ entries: [entryOf(4, 1)] });
    await mine.close();

    const holder = await other();
    expect(holder.said).toBe("open 4");
    const failed: unknown = await openOnDisk().catch((error: unknown) => error);
    expect(isDisterError(failed, "DISTER_ERR_LOCKED") && failed.details["pid"]).toBe(holder.pid);
    await holder.end();
    const again = await openOnDisk({ entriesPerFile: 10 });
    expect(again.read(1, 4, 1e6)).toEqual(entriesOf(1, 4, 1));
    await again.close();
  });
});
