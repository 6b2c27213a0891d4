import { isDisterError } from "@dister/types";
import { describe, expect, test } from "vitest";
import type { DiskLog } from "../src/index.ts";
import { codeOf, LogLab } from "./log-lab.ts";
import { entriesOf, entryOf } from "./log-model.ts";

async function expectDead(log: DiskLog): Promise<void> {
  expect(await codeOf(log.append({ entries: [entryOf(log.lastIndex() + 1, 9)] }))).toBe("DISTER_ERR_DISK");
  expect(await codeOf(log.append({ entries: [] }))).toBe("DISTER_ERR_DISK");
  expect(await codeOf(log.compact(0))).toBe("DISTER_ERR_DISK");
  expect(await codeOf(log.reset({ index: 50, term: 9 }))).toBe("DISTER_ERR_DISK");
}

describe("a failed write or sync is final (duty 5)", () => {
  test("a failed sync rejects what waits for it and everything after it, and nothing is tried again", async () => {
    const lab = new LogLab();
    const log = await lab.open({ preallocateBytes: 0 });
    await log.append({ entries: [entryOf(1, 1)] });
    const release = lab.fileSystem.holdSyncs();
    lab.fileSystem.inject({ operation: "sync", nth: 2, error: "EIO" });
    const calls = [codeOf(log.append({ entries: [entryOf(2, 1)] }))];
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    calls.push(codeOf(log.append({ entries: [entryOf(3, 1)] })), codeOf(log.append({ entries: [entryOf(4, 1)] })));
    release();
    expect(await Promise.all(calls)).toEqual(["resolved", "DISTER_ERR_DISK", "DISTER_ERR_DISK"]);
    const operations = lab.fileSystem.operations;
    await expectDead(log);
    expect(lab.fileSystem.operations).toBe(operations);
    await log.close();
    expect(lab.fileSystem.handlesOpen).toBe(0);
    await lab.with((again) => expect(again.lastIndex()).toBeGreaterThanOrEqual(2));
  });

  test("a write that fails in the middle is final, also for a full disk", async () => {
    for (const error of ["EIO", "ENOSPC"] as const) {
      const lab = new LogLab();
      const log = await lab.open({ preallocateBytes: 0 });
      await log.append({ entries: [entryOf(1, 1)] });
      // The first write of this append takes room, the second is the batch; a disk writes whole sectors of it.
      const end = lab.startOf(0) + 104;
      lab.fileSystem.inject({ operation: "write", nth: 2, error, bytesWritten: 1024 - (end % 512) });
      const failed = await log.append({ entries: [entryOf(2, 1, 9000)] }).catch((reason: unknown) => reason);
      expect(isDisterError(failed, "DISTER_ERR_DISK")).toBe(true);
      await expectDead(log);
      await log.close();
      lab.fileSystem.crash({ keepSector: () => true });
      await lab.with((again) => expect([again.lastIndex(), again.termAt(1)]).toEqual([1, 1]));
    }
  });

  test("failures while a file is made, cut back, compacted or reset are final, and lose nothing", async () => {
    for (const [operation, nth] of [
      ["rename", 1],
      ["syncDirectory", 1],
      ["syncDirectory", 2],
      ["remove", 1],
      ["sync", 1],
      ["sync", 2],
    ] as const) {
      for (const act of [
        (log: DiskLog) => log.append({ entries: entriesOf(16, 40, 1) }),
        (log: DiskLog) => log.append({ entries: entriesOf(6, 30, 2) }),
        (log: DiskLog) => log.compact(15),
        (log: DiskLog) => log.reset({ index: 100, term: 5 }),
      ]) {
        const lab = new LogLab();
        const log = await lab.open({ preallocateBytes: 0 });
        await log.append({ entries: entriesOf(1, 15, 1), hardState: { term: 1, vote: null, commit: 5 } });
        lab.fileSystem.inject({ operation, nth, error: "EIO" });
        const code = await codeOf(act(log));
        expect(["resolved", "DISTER_ERR_DISK"]).toContain(code);
        if (code === "resolved") {
          await log.close();
          continue;
        }
        await expectDead(log);
        await log.close();
        expect(lab.fileSystem.handlesOpen).toBe(0);
        lab.fileSystem.crash();
        await lab.with((again) => {
          expect(again.hardState()).toEqual({ term: 1, vote: null, commit: 5 });
          if (again.base().index < 100) expect(again.termAt(Math.max(5, again.base().index))).toBe(1);
        });
      }
    }
  });
});

describe("a full disk", () => {
  test("refuses an append before anything of it is written, and takes it when there is room again", async () => {
    const lab = new LogLab();
    const log = await lab.open();
    await log.append({ entries: entriesOf(1, 3, 1) });
    lab.fileSystem.setCapacity(lab.fileSystem.usedBytes + 4096);
    const failed = await log.append({ entries: [entryOf(4, 1, 50_000)] }).catch((reason: unknown) => reason);
    expect(isDisterError(failed, "DISTER_ERR_DISK_FULL") && failed.retryable).toBe(true);
    expect([log.lastIndex(), log.termAt(4)]).toEqual([3, undefined]);
    await log.append({ entries: [entryOf(4, 1)] });
    lab.fileSystem.setCapacity(1e9);
    await log.append({ entries: [entryOf(5, 1, 50_000)] });
    await log.close();
    await lab.with((again) => expect(again.read(4, 5, 1e6)).toEqual([entryOf(4, 1), entryOf(5, 1, 50_000)]));
  });

  test("refuses a batch for which the next file has no room, and leaves no file behind", async () => {
    const lab = new LogLab();
    const log = await lab.open({ preallocateBytes: 0 });
    await log.append({ entries: entriesOf(1, 8, 1) });
    const names = lab.fileSystem.list("/log");
    lab.fileSystem.setCapacity(lab.fileSystem.usedBytes + 2048);
    expect(await codeOf(log.append({ entries: entriesOf(9, 14, 1) }))).toBe("DISTER_ERR_DISK_FULL");
    expect(await codeOf(log.append({ entries: entriesOf(5, 14, 2) }))).toBe("DISTER_ERR_DISK_FULL");
    expect(await codeOf(log.reset({ index: 50, term: 2 }))).toBe("DISTER_ERR_DISK_FULL");
    // Room for the first of the files that this one needs.
    lab.fileSystem.setCapacity(lab.fileSystem.usedBytes + 12_000);
    expect(await codeOf(log.append({ entries: entriesOf(9, 40, 1) }))).toBe("DISTER_ERR_DISK_FULL");
    expect([log.lastIndex(), log.termAt(8), lab.fileSystem.list("/log")]).toEqual([8, 1, names]);
    lab.fileSystem.setCapacity(1e9);
    await log.append({ entries: entriesOf(9, 14, 1) });
    await log.close();
    await lab.with((again) => expect(again.lastIndex()).toBe(14));
  });

  test("stops the preparing of zeros, not the log", async () => {
    const lab = new LogLab();
    lab.fileSystem.makeDirectory("/log");
    lab.fileSystem.setCapacity(20_000);
    const log = await lab.open({ preallocateBytes: 1_000_000 });
    await log.append({ entries: entriesOf(1, 3, 1) });
    await log.close();
    await lab.with((again) => expect(again.lastIndex()).toBe(3));
  });

  test("refuses a start and leaves nothing behind", async () => {
    const lab = new LogLab();
    lab.fileSystem.setCapacity(100);
    expect(await codeOf(lab.open())).toBe("DISTER_ERR_DISK_FULL");
    lab.fileSystem.setCapacity(1e9);
    expect(lab.fileSystem.list("/log")).toEqual([]);
    await lab.with((log) => expect(log.lastIndex()).toBe(0));
  });
});
