import { DisterError, type FileHandle, type HardState, isDisterError, LOG_START } from "@dister/types";
import { finishFile } from "./file-making.ts";
import { encodeHardState } from "./hard-state.ts";
import { ITEM_BYTES, packItem, viewOf } from "./item.ts";
import type { LogContext } from "./log-context.ts";
import type { LogFile } from "./log-file.ts";
import { clear } from "./quarantine.ts";
import { encodeRecord, RECORD_HEADER_BYTES, RECORD_KIND, type RecordFields } from "./record.ts";
import type { StateFile } from "./state-file.ts";
import { BATCH_BYTES_MAX } from "./tail.ts";
import {
  type CreateStep,
  type CutBackStep,
  HARD_STATE_RECORD_BYTES,
  type RecordsStep,
  type Step,
} from "./write-plan.ts";

/** The first batch takes this much for itself and those that come later. */
const SLAB_BYTES_MIN = 64 * 1024;

/**
 * Does what was planned, in order, with one sync in flight: what comes meanwhile is the next batch. The first failure of
 * a write or a sync is the last thing it does.
 */
export class LogWriter {
  readonly #context: LogContext;
  readonly #state: StateFile;
  readonly #onDone: () => void;
  #queue: Step[] = [];
  #current: readonly Step[] = [];
  #running: Promise<void> | undefined;
  #failure: Error | undefined;
  #syncedIndex: number;
  #active: LogFile;
  #isFilling = true;
  #isFull = false;
  #abandoned: LogFile[] = [];
  #slab = new Uint8Array(0);

  /** @param at - the file that is written to, the copy of the hard state, and the last index, which is durable. */
  constructor(context: LogContext, at: { active: LogFile; state: StateFile; syncedIndex: number }, onDone: () => void) {
    this.#context = context;
    this.#state = at.state;
    this.#active = at.active;
    this.#syncedIndex = at.syncedIndex;
    this.#onDone = onDone;
  }

  /** Why nothing is written any more. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  get active(): LogFile {
    return this.#active;
  }

  /** Entries below this index are on disk where the files say. */
  pendingFrom(): number {
    let lowest = Number.POSITIVE_INFINITY;
    for (const steps of [this.#current, this.#queue]) {
      for (const step of steps) lowest = Math.min(lowest, step.lowestIndex);
    }
    return lowest;
  }

  /** Takes the steps of one call; resolves when the last is durable. */
  push(steps: readonly Step[]): Promise<void> {
    return new Promise((resolve, reject) => {
      steps.at(-1)!.waiter = { resolve, reject };
      for (const step of steps) {
        step.file.pins++;
        this.#queue.push(step);
      }
      this.start();
    });
  }

  /** Begins to work, at the end of this turn, so that what a caller hands in together shares a sync. */
  start(): void {
    this.#running ??= this.#work();
  }

  /** Resolves when everything that was handed in is done or has failed, and the files are closed. */
  async close(): Promise<void> {
    // Nothing more is prepared for a log that is going.
    this.#isFull = true;
    while (this.#running !== undefined) await this.#running;
    this.#active.close();
    for (const file of this.#abandoned) file.close();
    this.#state.close();
  }

  /** Notes that a file is damaged, durably when it returns: the next start reads it and later ones whole. A failure is the end. */
  noteDamage({ baseIndex }: LogFile): void {
    const values = this.#state.values!;
    const isNoted = values.damagedFile > 0 && values.damagedFile <= baseIndex;
    if (isNoted || this.#failure !== undefined) return;
    try {
      this.#state.storeNow({ ...values, damagedFile: baseIndex });
    } catch (error) {
      this.fail(error);
    }
  }

  /** Ends everything: a file after a failed write or sync may hold anything. */
  fail(cause: unknown): void {
    this.#failure ??= finalError(cause, this.#context.directory);
    this.#context.logger.error("the log has failed and takes nothing more", { reason: this.#failure.message });
    const left = [...this.#current, ...this.#queue];
    this.#current = [];
    this.#queue = [];
    for (const step of left) {
      // A sync may be in flight on one of them: they are closed with the log.
      this.#abandoned.push(step.file, ...("removed" in step ? step.removed : []));
      step.waiter?.reject(this.#failure);
    }
  }

  async #work(): Promise<void> {
    try {
      await Promise.resolve();
      while (this.#failure === undefined) {
        const steps = this.#take();
        if (steps.length > 0) {
          this.#current = steps;
          await this.#execute(steps);
          if (this.#failure === undefined) this.#complete(steps);
        } else if (this.#fillAhead()) {
          await this.#active.writable(this.#context.fileSystem).datasync();
        } else {
          break;
        }
      }
    } catch (error) {
      this.fail(error);
    }
    // In the same turn as the last look at the queue, or what comes in between would wait for ever.
    this.#running = undefined;
  }

  #take(): Step[] {
    const first = this.#queue[0];
    if (first === undefined) return [];
    let count = 1;
    if (first.kind === "records") {
      let bytes = first.bytes;
      for (let next = this.#queue[1]; next !== undefined; next = this.#queue[count]) {
        if (next.kind !== "records" || next.file !== first.file || bytes + next.bytes > BATCH_BYTES_MAX) break;
        bytes += next.bytes;
        count++;
      }
    }
    return this.#queue.splice(0, count);
  }

  async #execute(steps: readonly Step[]): Promise<void> {
    const step = steps[0]!;
    switch (step.kind) {
      case "records":
        return this.#records(steps.filter((each) => each.kind === "records"));
      case "create":
        return this.#create(step);
      case "cutBack":
        return this.#cutBack(step);
      case "compact":
        return this.#remove(step.removed);
      case "trust":
        return this.#state.storeNow({ ...this.#state.values!, suspect: LOG_START });
      case "reset": {
        for (const file of step.removed) file.close();
        const { hardState, lastIndex } = step;
        await this.#forgetCommitAbove(lastIndex);
        await finishFile(this.#context, step.file, { hardState, previousCrc: 0, syncedIndex: lastIndex });
        this.#activate(step.file);
        // A file of the same name was replaced by the new one.
        return this.#remove(step.removed.filter((file) => file.path !== step.file.path));
      }
    }
  }

  #complete(steps: readonly Step[]): void {
    this.#current = [];
    for (const step of steps) {
      step.file.pins--;
      this.#syncedIndex = step.lastIndex;
    }
    this.#onDone();
    for (const step of steps) step.waiter?.resolve();
  }

  async #records(steps: readonly RecordsStep[]): Promise<void> {
    if (steps.every((step) => step.bytes === 0)) return;
    const file = steps[0]!.file;
    const handle = file.writable(this.#context.fileSystem);
    writeBatch(handle, file, { steps, syncedIndex: this.#syncedIndex, slab: this.#slabOf(steps) });
    this.#fillAhead();
    const hardState = steps.findLast((step) => step.hardState !== undefined)?.hardState;
    if (hardState === undefined) return handle.datasync();
    this.#writeCopy(hardState, Math.min(this.#syncedIndex, rangeOf(steps)[0] - 1));
    await bothSynced(handle.datasync(), this.#state.datasync());
  }

  /**
   * Writes the second copy of a hard state. Its commit is no higher than what is durable already: the entries of this batch
   * may be lost in a crash that the copy survives, and must not be missed then.
   */
  #writeCopy(hardState: HardState, syncedIndex: number): void {
    const commit = Math.min(hardState.commit, syncedIndex);
    this.#state.write({ ...this.#state.values!, hardState: { ...hardState, commit } });
  }

  /** Entries above a reset's base are gone on purpose, committed or not. */
  async #forgetCommitAbove(index: number): Promise<void> {
    const { hardState } = this.#state.values!;
    if (hardState.commit <= index) return;
    this.#writeCopy(hardState, index);
    await this.#state.datasync();
  }

  #slabOf(steps: readonly RecordsStep[]): Uint8Array {
    const bytes = steps.reduce((sum, step) => sum + step.bytes, 0);
    if (bytes > this.#slab.length) {
      const slab = new Uint8Array(Math.max(bytes, SLAB_BYTES_MIN));
      // A single huge entry must not keep its size in memory for ever.
      if (bytes <= BATCH_BYTES_MAX) this.#slab = slab;
      return slab.subarray(0, bytes);
    }
    return this.#slab.subarray(0, bytes);
  }

  async #create(step: CreateStep): Promise<void> {
    const { file, previous, hardState } = step;
    const beginning = { hardState, previousCrc: previous.chain, syncedIndex: this.#syncedIndex };
    await finishFile(this.#context, file, beginning);
    previous.close();
    this.#activate(file);
  }

  async #cutBack({ file, removed, cutTo, zeroTo, hardState }: CutBackStep): Promise<void> {
    const handle = file.writable(this.#context.fileSystem);
    // An earlier try that a crash has cut may have left half of such a record here: it has the same size and is
    // overwritten as a whole before anything comes behind it.
    const bytes = new Uint8Array(HARD_STATE_RECORD_BYTES);
    const fields: RecordFields = {
      kind: RECORD_KIND.cutBack,
      r: 0,
      previousCrc: file.chain,
      index: cutTo.index,
      term: cutTo.term,
      start: file.writtenEnd,
      syncedEnd: file.writtenEnd,
      syncedIndex: Math.min(this.#syncedIndex, cutTo.index),
    };
    const crc = encodeRecord({ bytes, view: viewOf(bytes) }, 0, fields, encodeHardState(hardState));
    handle.writeAt([bytes], file.writtenEnd);
    const itemsFrom = (cutTo.index + 1 - file.baseIndex) * ITEM_BYTES;
    clear(handle, itemsFrom, (zeroTo + 1 - file.baseIndex) * ITEM_BYTES);
    await handle.datasync();
    file.writtenEnd += bytes.length;
    file.chain = crc;
    // Only now: before, the later files were the log.
    await this.#remove(removed.toReversed());
    this.#activate(file);
  }

  /** Removes files one by one, each durably, so that a crash leaves no gap. */
  async #remove(files: readonly LogFile[]): Promise<void> {
    const { fileSystem, directory } = this.#context;
    for (const [at, file] of files.entries()) {
      // Freeing a large file takes a while; others get their turn between two of them.
      if (at > 0) await new Promise<void>((resolve) => setImmediate(resolve));
      file.close();
      fileSystem.remove(file.path);
      fileSystem.syncDirectory(directory);
      this.#isFull = false;
    }
  }

  #activate(file: LogFile): void {
    this.#active = file;
    this.#isFilling = true;
    this.#isFull = false;
  }

  /** Writes one piece of zeros ahead when less than half of what is wanted is left, until all of it is there. */
  #fillAhead(): boolean {
    const { fileBytesMax, preallocateBytes } = this.#context.tuning;
    const file = this.#active;
    if (this.#isFull || preallocateBytes === 0) return false;
    if (file.filledEnd - file.end < preallocateBytes / 2) this.#isFilling = true;
    if (!this.#isFilling) return false;
    const target = Math.min(file.end + preallocateBytes, file.header.dataOffset + fileBytesMax);
    try {
      this.#isFilling = file.fillAhead(file.writable(this.#context.fileSystem), target);
    } catch (error) {
      if (!isDisterError(error, "DISTER_ERR_DISK_FULL")) throw error;
      // Nothing is lost yet: the append for which there is no room is the one that is refused.
      this.#isFull = true;
      this.#context.logger.warn("no space to prepare more of the log file", { path: file.path });
      return false;
    }
    return this.#isFilling;
  }
}

/** Writes the records of the steps and then their items; durable with the next sync. */
function writeBatch(
  handle: FileHandle,
  file: LogFile,
  batch: { steps: readonly RecordsStep[]; syncedIndex: number; slab: Uint8Array },
): void {
  const { steps, slab } = batch;
  const target = { bytes: slab, view: viewOf(slab) };
  const syncedEnd = file.writtenEnd;
  const [lowest, highest] = rangeOf(steps);
  const syncedIndex = Math.min(batch.syncedIndex, lowest - 1);
  const items = new Uint8Array(Math.max(0, (highest - lowest + 1) * ITEM_BYTES));
  const itemsView = viewOf(items);
  let at = 0;
  let previousCrc = file.chain;
  for (const { entries, hardState, zeroTo, lastIndex } of steps) {
    for (const { index, term, r, kind, payload } of entries) {
      const start = syncedEnd + at;
      const length = RECORD_HEADER_BYTES + payload.length;
      const fields = { kind, r, previousCrc, index, term, start, syncedEnd, syncedIndex };
      previousCrc = encodeRecord(target, at, fields, payload);
      packItem(itemsView, (index - lowest) * ITEM_BYTES, { r, start, length });
      at += length;
    }
    if (zeroTo > lastIndex) items.fill(0, (lastIndex + 1 - lowest) * ITEM_BYTES, (zeroTo + 1 - lowest) * ITEM_BYTES);
    if (hardState !== undefined) {
      const shared = { kind: RECORD_KIND.hardState, r: 0, index: lastIndex, term: hardState.term };
      const fields = { ...shared, previousCrc, start: syncedEnd + at, syncedEnd, syncedIndex };
      previousCrc = encodeRecord(target, at, fields, encodeHardState(hardState));
      at += HARD_STATE_RECORD_BYTES;
    }
  }
  handle.writeAt([slab], syncedEnd);
  if (items.length > 0) handle.writeAt([items], (lowest - file.baseIndex) * ITEM_BYTES);
  file.writtenEnd = syncedEnd + at;
  file.chain = previousCrc;
}

/** Waits for both, also when one fails: nothing may be closed under a sync. */
async function bothSynced(...syncs: readonly Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(syncs)) if (result.status === "rejected") throw result.reason;
}

/** First and last index of which the items are written; the first is infinite when there is none. */
function rangeOf(steps: readonly RecordsStep[]): [lowest: number, highest: number] {
  let [lowest, highest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const { lowestIndex, lastIndex, zeroTo, entries } of steps) {
    if (entries.length === 0) continue;
    lowest = Math.min(lowest, lowestIndex);
    highest = Math.max(highest, lastIndex, zeroTo);
  }
  return [lowest, highest];
}

/** What callers see of a failure: never one that says "try again". */
function finalError(cause: unknown, directory: string): Error {
  if (isDisterError(cause, "DISTER_ERR_DISK_FULL")) {
    const path = typeof cause.details["path"] === "string" ? cause.details["path"] : directory;
    return new DisterError("DISTER_ERR_DISK", { operation: "write", path, reason: "no space left" }, { cause });
  }
  return cause instanceof Error ? cause : new Error(String(cause));
}
