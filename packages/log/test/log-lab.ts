import { isDisterError, NO_LOGGER } from "@dister/types";
import { MemoryFileSystem } from "@dister/types/testing";
import { expect } from "vitest";
import { type DiskLog, fileNameOf, type LogOptions, openLog } from "../src/index.ts";

export const IDENTITY = { group: "test", nodeId: "00000000000000AB", clusterId: "00000000000000C1" };
/** Where the data area begins with ten entries in a file, and where the first records of such a file end. */
export const DATA_OFFSET = 4096;
export const FIRST_RECORDS_END = DATA_OFFSET + 64 + 80 + 4 + 64 + 32;

/** Files in memory with a log in `/log`, ten entries in a file, nothing cached unless told. */
export class LogLab {
  readonly fileSystem = new MemoryFileSystem();

  open(options: Partial<LogOptions> = {}): Promise<DiskLog> {
    return openLog({
      components: { fileSystem: this.fileSystem, logger: NO_LOGGER },
      options: {
        directory: "/log",
        identity: IDENTITY,
        entriesPerFile: 10,
        preallocateBytes: 8192,
        cacheBytes: 0,
        ...options,
      },
    });
  }

  /** Opens a log, does something with it and closes it. */
  async with<T>(run: (log: DiskLog) => Promise<T> | T, options?: Partial<LogOptions>): Promise<T> {
    const log = await this.open(options);
    try {
      return await run(log);
    } finally {
      await log.close();
    }
  }

  path(baseIndex = 1): string {
    return `/log/${fileNameOf(baseIndex)}`;
  }

  bytes(baseIndex?: number): Buffer {
    return Buffer.from(this.fileSystem.contents(this.path(baseIndex)));
  }

  damage(offset: number, bytes: Uint8Array, baseIndex?: number): void {
    this.fileSystem.damage(this.path(baseIndex), offset, bytes);
  }

  /** Changes one bit of every byte in a stretch. */
  flip(offset: number, length: number, baseIndex?: number): void {
    const bytes = this.bytes(baseIndex).subarray(offset, offset + length);
    this.damage(
      offset,
      bytes.map((byte) => byte ^ 1),
      baseIndex,
    );
  }

  zero(offset: number, length: number, baseIndex?: number): void {
    this.damage(offset, new Uint8Array(length), baseIndex);
  }

  /** Offset of the record that the item of a slot names. */
  startOf(slot: number, baseIndex?: number): number {
    const item = this.bytes(baseIndex).subarray(slot * 10, slot * 10 + 10);
    return Number((BigInt(`0x${item.toString("hex")}`) >> 23n) & (2n ** 43n - 1n));
  }

  item(slot: number, baseIndex?: number): string {
    return this.bytes(baseIndex).toString("hex", slot * 10, slot * 10 + 10);
  }

  /** Expects that the log is refused as damaged and that nothing on disk has changed. */
  async expectCorrupt(reason: string, where?: { baseIndex?: number; offset?: number }): Promise<void> {
    const names = this.fileSystem.list("/log");
    const before = names.map((name) => this.fileSystem.contents(`/log/${name}`));
    const error = await this.open().then(
      () => undefined,
      (refusal: unknown) => refusal,
    );
    expect(isDisterError(error, "DISTER_ERR_LOG_CORRUPT"), `refused as corrupt, got ${String(error)}`).toBe(true);
    expect(String(error)).toContain(reason);
    if (isDisterError(error) && where !== undefined) {
      expect(error.details["file"]).toBe(this.path(where.baseIndex));
      if (where.offset !== undefined) expect(error.details["offset"]).toBe(where.offset);
    }
    expect(this.fileSystem.list("/log")).toEqual(names);
    expect(names.map((name) => this.fileSystem.contents(`/log/${name}`))).toEqual(before);
  }

  /**
   * Expects that the log is cut behind `lastIndex` and suspect up to `index`, that the changed file is kept as it was,
   * and that the next start finds nothing more to do.
   */
  async expectSuspect(
    reason: string,
    expected: { lastIndex: number; index: number; baseIndex?: number; offset?: number },
  ): Promise<void> {
    const { lastIndex, index, baseIndex, offset } = expected;
    const before = this.bytes(baseIndex);
    await this.with((log) => {
      const { damage } = log.recovery;
      expect(damage).toContain(reason);
      expect(damage).toContain(
        offset === undefined ? this.path(baseIndex) : `${this.path(baseIndex)} at byte ${offset}`,
      );
      expect([log.lastIndex(), log.suspect()]).toEqual([lastIndex, { index, term: log.hardState().term }]);
    });
    expect(Buffer.compare(this.fileSystem.contents(`${this.path(baseIndex)}.damaged`), before)).toBe(0);
    await this.with((log) => {
      expect(log.recovery).toMatchObject({ tornBytes: 0, itemsRebuilt: 0 });
      expect([log.recovery.damage, log.lastIndex(), log.suspect().index]).toEqual([undefined, lastIndex, index]);
    });
  }
}

export async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    return isDisterError(error) ? error.code : String(error);
  }
  return "resolved";
}
