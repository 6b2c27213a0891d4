import {
  DisterError,
  type HardState,
  invariant,
  isDisterError,
  LIMITS,
  type LogCheck,
  type LogEntry,
  type LogPosition,
  type LogRecovery,
  type LogStore,
  type LogWrite,
} from "@dister/types";
import { EntryCache } from "./entry-cache.ts";
import { readEntries } from "./entry-reader.ts";
import { basePosition } from "./file-header.ts";
import { dropDraft, makeRoom, planFile } from "./file-making.ts";
import { checkHardState } from "./hard-state.ts";
import { ITEM_R_MAX } from "./item.ts";
import type { LogContext } from "./log-context.ts";
import type { LogFile } from "./log-file.ts";
import { LogWriter } from "./log-writer.ts";
import type { RecoveredLog } from "./recovery.ts";
import type { StateFile } from "./state-file.ts";
import { runsBetween, TermRuns } from "./term-runs.ts";
import { checkPiece } from "./verify.ts";
import { type CompactStep, planWrite, type ResetStep, type WritePlan } from "./write-plan.ts";

/** What the system says when this process, or all of them together, have too many files open. */
const OUT_OF_DESCRIPTORS = new Set(["EMFILE", "ENFILE"]);

/**
 * A log on disk. What was handed in is visible at once, in memory; the writer makes it durable behind that, in order.
 * Made by {@link openLog}.
 */
export class DiskLog implements LogStore {
  readonly recovery: LogRecovery;
  readonly #context: LogContext;
  readonly #writer: LogWriter;
  readonly #state: StateFile;
  readonly #unlock: () => void;
  #files: LogFile[];
  #lastIndex: number;
  #hardState: HardState;
  #cache: EntryCache;
  /** Older files that are open, the one used last at the end. */
  #opened: LogFile[] = [];
  #closing: Promise<void> | undefined;

  constructor(context: LogContext, found: RecoveredLog, unlock: () => void) {
    const active = found.files.at(-1)!;
    this.#context = context;
    this.#unlock = unlock;
    this.recovery = found.recovery;
    this.#files = found.files;
    this.#hardState = found.hardState;
    this.#state = found.state;
    this.#lastIndex = active.lastIndex;
    active.terms ??= new TermRuns();
    this.#cache = new EntryCache(this.#lastIndex + 1, context.tuning.cacheBytes);
    const at = { active, state: found.state, syncedIndex: this.#lastIndex };
    this.#writer = new LogWriter(context, at, () => this.#cache.trim(this.#writer.pendingFrom()));
    this.#writer.start();
  }

  firstIndex(): number {
    return this.#files[0]!.baseIndex;
  }

  lastIndex(): number {
    return this.#lastIndex;
  }

  base(): LogPosition {
    return basePosition(this.#files[0]!.header);
  }

  hardState(): HardState {
    return this.#hardState;
  }

  termAt(index: number): number | undefined {
    const base = this.base();
    if (index === base.index) return base.term;
    if (index < base.index || index > this.#lastIndex || !Number.isInteger(index)) return undefined;
    return this.#cache.get(index)?.term ?? this.#termsOf(this.#fileOf(index)).at(index);
  }

  read(from: number, to: number, bytesMax: number): LogEntry[] {
    this.#checkOpen();
    if (from < this.firstIndex()) {
      throw new DisterError("DISTER_ERR_LOG_COMPACTED", { index: from, firstIndex: this.firstIndex() });
    }
    const found: LogEntry[] = [];
    const last = Math.min(to, this.#lastIndex);
    let bytes = 0;
    for (let index = from; index <= last && (found.length === 0 || bytes <= bytesMax); ) {
      for (const entry of this.#readSome(index, last, bytesMax - bytes)) {
        bytes += entry.payload.length;
        if (found.length > 0 && bytes > bytesMax) return found;
        found.push(entry);
        index++;
      }
    }
    return found;
  }

  suspect(): LogPosition {
    return this.#state.values!.suspect;
  }

  trust(): Promise<void> {
    try {
      this.#checkOpen();
    } catch (error) {
      return Promise.reject(error);
    }
    if (this.suspect().index === 0) return Promise.resolve();
    const at = { file: this.#files.at(-1)!, lastIndex: this.#lastIndex, lowestIndex: Number.POSITIVE_INFINITY };
    return this.#writer.push([{ kind: "trust", ...at }]);
  }

  verify(from: number, bytesMax: number): LogCheck {
    this.#checkOpen();
    const index = Math.max(from, this.firstIndex());
    const file = index > this.#lastIndex ? undefined : this.#fileOf(index);
    if (file === undefined || !this.#isComplete(file)) return { damaged: false, next: this.#lastIndex + 1 };
    const { logger, fileSystem } = this.#context;
    // A handle of its own: what is open for reading stays as it is.
    const handle = this.#withDescriptors(() => fileSystem.open(file.path, "read"));
    try {
      const found = checkPiece(handle, file, index, bytesMax);
      if ("damage" in found) {
        this.#writer.noteDamage(file);
        const reason = `${file.path}: ${found.damage}`;
        return { damaged: true, from: file.baseIndex, to: file.lastIndex, reason };
      }
      if (found.rebuiltItems !== undefined && file.rebuiltItems === undefined) {
        file.rebuiltItems = found.rebuiltItems;
        const items = found.itemsWrong ?? 0;
        logger.warn("items of a log file are wrong; its records are sound", { path: file.path, items });
      }
      return { damaged: false, next: found.next };
    } finally {
      handle.close();
    }
  }

  append(write: LogWrite): Promise<void> {
    try {
      this.#checkOpen();
      this.#check(write);
      const plan = planWrite(this.#context, this.#planStart(), write);
      this.#reserve(plan);
      this.#take(write, plan);
      return this.#writer.push(plan.steps);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  compact(index: number): Promise<void> {
    try {
      this.#checkOpen();
    } catch (error) {
      return Promise.reject(error);
    }
    const files = this.#files;
    let count = 0;
    while (count < files.length - 1 && files[count + 1]!.baseIndex - 1 <= index) count++;
    if (count === 0) return Promise.resolve();
    const step: CompactStep = {
      kind: "compact",
      file: files[count]!,
      removed: files.slice(0, count),
      lastIndex: this.#lastIndex,
      lowestIndex: Number.POSITIVE_INFINITY,
    };
    this.#files = files.slice(count);
    return this.#writer.push([step]);
  }

  reset(base: LogPosition): Promise<void> {
    try {
      this.#checkOpen();
      const file = planFile(this.#context, base, { generation: this.#files[0]!.header.generation + 1 });
      this.#makeRoom([file]);
      file.terms = new TermRuns();
      const step: ResetStep = {
        kind: "reset",
        file,
        removed: this.#files,
        hardState: this.#hardState,
        lastIndex: base.index,
        lowestIndex: Number.POSITIVE_INFINITY,
      };
      this.#files = [file];
      this.#opened = [];
      this.#lastIndex = base.index;
      this.#cache = new EntryCache(base.index + 1, this.#context.tuning.cacheBytes);
      return this.#writer.push([step]);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#writer.close();
    for (const file of this.#files) file.close();
    this.#unlock();
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) throw new DisterError("DISTER_ERR_STOPPED", { what: "the log" });
    if (this.#writer.failure !== undefined) throw this.#writer.failure;
  }

  #check({ entries, hardState }: LogWrite): void {
    if (hardState !== undefined) checkHardState(hardState);
    const first = entries[0];
    if (first === undefined) return;
    invariant(entries.length <= LIMITS.appendEntriesMax, `${entries.length} entries in one call`);
    if (first.index > this.#lastIndex + 1 || first.index < this.firstIndex()) {
      throw new DisterError("DISTER_ERR_LOG_GAP", { lastIndex: this.#lastIndex, index: first.index });
    }
    let next = first.index;
    let term = this.termAt(first.index - 1)!;
    for (const entry of entries) {
      if (entry.index !== next++) {
        throw new DisterError("DISTER_ERR_LOG_GAP", { lastIndex: next - 2, index: entry.index });
      }
      const bytes = entry.payload.length;
      if (bytes > LIMITS.entryPayloadBytesMax) {
        const allowed = LIMITS.entryPayloadBytesMax;
        throw new DisterError("DISTER_ERR_TOO_LARGE", { field: "payload", bytes, allowed });
      }
      invariant(Number.isSafeInteger(entry.term) && entry.term >= term, `entry ${entry.index} is of no lower term`);
      invariant(entry.r >= 0 && entry.r <= ITEM_R_MAX, `r of entry ${entry.index} fits its item`);
      term = entry.term;
    }
  }

  #planStart(): Parameters<typeof planWrite>[1] {
    return {
      files: this.#files,
      lastIndex: this.#lastIndex,
      hardState: this.#hardState,
      termAt: (index) => this.termAt(index),
    };
  }

  /** Takes the room for a plan before anything of it is seen: when there is none, nothing has happened. */
  #reserve(plan: WritePlan): void {
    for (const { file, end, lastIndex } of plan.ends) {
      if (!plan.made.includes(file)) continue;
      file.end = end;
      file.lastIndex = lastIndex;
    }
    try {
      for (const { file, end, lastIndex } of plan.ends) {
        if (plan.made.includes(file)) continue;
        const handle = this.#withDescriptors(() => file.writable(this.#context.fileSystem));
        // An older file that is gone back to: nobody has looked yet how far it reaches.
        if (file.filledEnd === 0) file.measure(handle.size());
        file.fill(handle, { end, lastIndex });
      }
    } catch (error) {
      throw this.#refusal(error);
    }
    this.#makeRoom(plan.made);
  }

  #makeRoom(files: readonly LogFile[]): void {
    const made: LogFile[] = [];
    try {
      for (const file of files) {
        this.#withDescriptors(() => makeRoom(this.#context, file));
        made.push(file);
      }
    } catch (error) {
      for (const file of made) dropDraft(this.#context.fileSystem, file);
      throw this.#refusal(error);
    }
  }

  /** A full disk is a refusal, every other failure is the end. */
  #refusal(error: unknown): unknown {
    if (isDisterError(error, "DISTER_ERR_DISK_FULL")) return error;
    this.#writer.fail(error);
    return this.#writer.failure;
  }

  /** Makes a write visible. */
  #take({ entries, hardState }: LogWrite, plan: WritePlan): void {
    const first = entries[0]?.index;
    if (first !== undefined && first <= this.#lastIndex) {
      this.#cache.cutFrom(first);
      this.#termsOf(this.#fileOf(first)).cutFrom(first);
    }
    for (const { file, end, lastIndex } of plan.ends) {
      file.end = end;
      file.lastIndex = lastIndex;
      file.rebuiltItems = undefined;
    }
    this.#files = plan.files;
    for (const step of plan.steps) {
      if (step.kind !== "records") continue;
      step.file.terms ??= new TermRuns();
      for (const { index, term } of step.entries) step.file.terms.push(index, term);
    }
    for (const entry of entries) this.#cache.push(entry);
    this.#lastIndex = entries.at(-1)?.index ?? this.#lastIndex;
    if (hardState !== undefined) this.#hardState = hardState;
  }

  #fileOf(index: number): LogFile {
    return this.#files[this.#files.findLastIndex((file) => file.baseIndex <= index)]!;
  }

  /** Terms of a file's entries; of an older file they are found by looking at a few of them. */
  #termsOf(file: LogFile): TermRuns {
    file.terms ??= runsBetween(file.baseIndex, file.lastIndex, (index) => {
      return this.#readFrom(file, { from: index, to: index, bytesMax: 0 })[0]!.term;
    });
    return file.terms;
  }

  #readSome(from: number, to: number, bytesMax: number): LogEntry[] {
    const cached = this.#cache.get(from);
    if (cached !== undefined) return [cached];
    const file = this.#fileOf(from);
    return this.#readFrom(file, { from, to: Math.min(to, file.lastIndex, this.#cache.firstIndex - 1), bytesMax });
  }

  #readFrom(file: LogFile, wanted: { from: number; to: number; bytesMax: number }): LogEntry[] {
    const handle = this.#withDescriptors(() => file.readable(this.#context.fileSystem));
    const isComplete = this.#isComplete(file);
    if (isComplete) this.#keepOpen(file);
    try {
      return readEntries(handle, file, wanted, isComplete);
    } catch (error) {
      if (isDisterError(error, "DISTER_ERR_LOG_CORRUPT")) this.#writer.noteDamage(file);
      throw error;
    }
  }

  /** True for a file to which nothing more is written. */
  #isComplete(file: LogFile): boolean {
    return file !== this.#files.at(-1) && file.pins === 0;
  }

  /** Opens something. When the process has no descriptor left, those that are only kept for later are given back first. */
  #withDescriptors<T>(open: () => T): T {
    try {
      return open();
    } catch (error) {
      if (!isDisterError(error, "DISTER_ERR_DISK") || !OUT_OF_DESCRIPTORS.has(String(error.details["reason"])))
        throw error;
      for (const file of this.#opened.splice(0)) this.#release(file);
      return open();
    }
  }

  #release(file: LogFile): void {
    if (file.pins === 0 && file !== this.#writer.active) file.close();
  }

  /** Bounds the files that are open for reading. */
  #keepOpen(file: LogFile): void {
    this.#opened = this.#opened.filter((each) => each !== file && each.isOpen);
    this.#opened.push(file);
    while (this.#opened.length > this.#context.tuning.openFilesMax) {
      this.#release(this.#opened.shift()!);
    }
  }
}
