import { type FileHandle, type FileSystem, invariant } from "@dister/types";
import type { FileHeader } from "./file-header.ts";
import { ITEM_BYTES } from "./item.ts";
import type { TermRuns } from "./term-runs.ts";

/** Zeros are written in pieces of this size, so that no single write holds up the process. */
const PIECE_BYTES = 1024 * 1024;
/** Items are zeroed ahead in pieces of this many bytes. */
const ITEMS_PIECE_BYTES = 256 * 1024;
const ZEROS = new Uint8Array(PIECE_BYTES);

/**
 * One file of the log, on disk or planned. `lastIndex` and `end` run ahead of the disk: they say where things are when
 * everything that was handed in is written. `writtenEnd` and `chain` belong to the writer alone.
 *
 * ```
 *  0             itemsFilled      dataOffset          writtenEnd    end        filledEnd
 *  | items, zeros   | perhaps a hole | header, records    | on its way | zeros    |
 * ```
 */
export class LogFile {
  readonly header: FileHeader;
  /** Where the file is; of a planned one the name under which it is being made. */
  path: string;
  /** Index of the last entry; `baseIndex - 1` for none. */
  lastIndex: number;
  end: number;
  writtenEnd: number;
  /** CRC of the last record that was written. */
  chain = 0;
  /** Everything between `end` and here is written with zeros. */
  filledEnd = 0;
  /** Items from the last entry's up to here are written with zeros, in bytes. */
  itemsFilled = 0;
  /** Undefined until somebody asks for a term of an older file. */
  terms: TermRuns | undefined;
  /** Items rebuilt from the records because those on disk were damaged. */
  rebuiltItems: Uint8Array | undefined;
  /** Writes that wait for this file: it stays open. */
  pins = 0;
  #handle: FileHandle | undefined;
  #writable = false;

  constructor(path: string, header: FileHeader, at: { lastIndex: number; end: number }) {
    this.path = path;
    this.header = header;
    this.lastIndex = at.lastIndex;
    this.end = at.end;
    this.writtenEnd = at.end;
  }

  get baseIndex(): number {
    return this.header.baseIndex;
  }

  get isOpen(): boolean {
    return this.#handle !== undefined;
  }

  /** Hands over an open file. */
  adopt(handle: FileHandle): void {
    this.close();
    this.#handle = handle;
    this.#writable = true;
  }

  readable(fileSystem: FileSystem): FileHandle {
    this.#handle ??= fileSystem.open(this.path, "read");
    return this.#handle;
  }

  writable(fileSystem: FileSystem): FileHandle {
    if (this.#handle === undefined || !this.#writable) this.adopt(fileSystem.open(this.path, "write"));
    return this.#handle!;
  }

  close(): void {
    this.#handle?.close();
    this.#handle = undefined;
    this.#writable = false;
  }

  /** Says what is filled, of a file that exists: all that lies behind its end and its last item is zero. */
  measure(size: number): void {
    const items = (this.lastIndex - this.baseIndex + 1) * ITEM_BYTES;
    this.itemsFilled = Math.min(Math.ceil(items / 4096) * 4096, this.header.dataOffset);
    this.filledEnd = Math.max(size, this.end);
  }

  /**
   * Writes zeros until the data area is filled up to `end` and the items up to that of `lastIndex`. They are durable
   * with the next sync.
   * @throws DisterError `DISTER_ERR_DISK_FULL`: what was filled stays filled, and no harm is done.
   */
  fill(handle: FileHandle, need: { end: number; lastIndex: number }): void {
    const items = Math.min((need.lastIndex - this.baseIndex + 1) * ITEM_BYTES, this.header.dataOffset);
    while (this.itemsFilled < items) this.fillItems(handle);
    while (this.filledEnd < need.end) this.#zero(handle, Math.ceil((need.end - this.filledEnd) / 4096) * 4096);
  }

  /** Writes one piece of zeros ahead of the records, up to `target`; false when nothing is left to do. */
  fillAhead(handle: FileHandle, target: number): boolean {
    const items = (this.lastIndex - this.baseIndex + 1) * ITEM_BYTES + ITEMS_PIECE_BYTES / 2;
    if (this.itemsFilled < Math.min(items, this.header.dataOffset)) {
      this.fillItems(handle);
      return true;
    }
    if (this.filledEnd >= target) return false;
    this.#zero(handle, target - this.filledEnd);
    return true;
  }

  fillItems(handle: FileHandle): void {
    const bytes = Math.min(ITEMS_PIECE_BYTES, this.header.dataOffset - this.itemsFilled);
    handle.writeAt([ZEROS.subarray(0, bytes)], this.itemsFilled);
    this.itemsFilled += bytes;
  }

  #zero(handle: FileHandle, bytes: number): void {
    invariant(this.filledEnd >= this.writtenEnd, "zeros are written behind every record");
    const count = Math.min(bytes, PIECE_BYTES);
    handle.writeAt([ZEROS.subarray(0, count)], this.filledEnd);
    this.filledEnd += count;
  }
}
