import type { HardState, LogEntry, LogPosition, LogWrite } from "@dister/types";
import { planFile } from "./file-making.ts";
import { HARD_STATE_BYTES } from "./hard-state.ts";
import type { LogContext } from "./log-context.ts";
import type { LogFile } from "./log-file.ts";
import { RECORD_HEADER_BYTES } from "./record.ts";

/** Who waits for a step to be durable. */
export interface Waiter {
  resolve(): void;
  reject(error: Error): void;
}

interface StepBase {
  readonly file: LogFile;
  /** Last index of the log when this step is done. */
  readonly lastIndex: number;
  /** Lowest entry that this step writes; entries from here on are not on disk before it is done. */
  readonly lowestIndex: number;
  waiter?: Waiter;
}

/** Entries, a hard state or both at the end of a file. Several such steps for one file share a sync. */
export interface RecordsStep extends StepBase {
  readonly kind: "records";
  readonly entries: readonly LogEntry[];
  readonly hardState: HardState | undefined;
  /** Items above the new last index and up to this one are zeroed: their entries are replaced. */
  readonly zeroTo: number;
  readonly bytes: number;
}

/** A new file behind another. */
export interface CreateStep extends StepBase {
  readonly kind: "create";
  readonly previous: LogFile;
  readonly hardState: HardState;
}

/** Goes back to an older file, in which everything above `cutTo` is void, and removes the later ones. */
export interface CutBackStep extends StepBase {
  readonly kind: "cutBack";
  readonly removed: readonly LogFile[];
  readonly cutTo: LogPosition;
  readonly zeroTo: number;
  readonly hardState: HardState;
}

/** Removes old files. `file` is the one that is kept first. */
export interface CompactStep extends StepBase {
  readonly kind: "compact";
  readonly removed: readonly LogFile[];
}

/** A new file without any before it. */
export interface ResetStep extends StepBase {
  readonly kind: "reset";
  readonly removed: readonly LogFile[];
  readonly hardState: HardState;
}

/** Ends being suspect. `file` is the one that is written to. */
export interface TrustStep extends StepBase {
  readonly kind: "trust";
}

export type Step = RecordsStep | CreateStep | CutBackStep | CompactStep | ResetStep | TrustStep;

/** How a write will be laid out. Nothing is changed yet. */
export interface WritePlan {
  readonly steps: Step[];
  /** The files of the log afterwards. */
  readonly files: LogFile[];
  /** Files that have to be made. */
  readonly made: LogFile[];
  /** Where the files that are touched will end. */
  readonly ends: { readonly file: LogFile; readonly end: number; readonly lastIndex: number }[];
}

/** What a plan starts from. */
export interface PlanStart {
  readonly files: LogFile[];
  readonly lastIndex: number;
  readonly hardState: HardState;
  termAt(index: number): number | undefined;
}

export const HARD_STATE_RECORD_BYTES = RECORD_HEADER_BYTES + HARD_STATE_BYTES;

/** Lays out a write that was checked: consecutive entries, none at or below the base. */
export function planWrite(context: LogContext, start: PlanStart, write: LogWrite): WritePlan {
  return new Planner(context, start).plan(write);
}

class Planner {
  readonly #context: LogContext;
  readonly #start: PlanStart;
  readonly #steps: Step[] = [];
  readonly #made: LogFile[] = [];
  readonly #ends: { file: LogFile; end: number; lastIndex: number }[] = [];
  #files: LogFile[];
  #tail: LogFile;
  #end: number;
  #zeroTo = 0;

  constructor(context: LogContext, start: PlanStart) {
    this.#context = context;
    this.#start = start;
    this.#files = start.files;
    this.#tail = start.files.at(-1)!;
    this.#end = this.#tail.end;
  }

  plan({ entries, hardState }: LogWrite): WritePlan {
    const first = entries[0]?.index;
    if (first !== undefined && first <= this.#start.lastIndex) this.#replaceFrom(first);
    let from = 0;
    let partStart = this.#end;
    for (const [at, entry] of entries.entries()) {
      const bytes = RECORD_HEADER_BYTES + entry.payload.length;
      if (this.#isFull(entry.index, bytes)) {
        if (at > from) this.#addRecords(entries.slice(from, at), partStart, undefined);
        this.#roll({ index: entry.index - 1, term: this.#termBefore(entries, at) });
        from = at;
        partStart = this.#end;
      }
      this.#end += bytes;
    }
    if (hardState !== undefined) this.#end += HARD_STATE_RECORD_BYTES;
    this.#addRecords(from === 0 ? entries : entries.slice(from), partStart, hardState);
    this.#close(entries.at(-1)?.index ?? this.#start.lastIndex);
    return { steps: this.#steps, files: this.#files, made: this.#made, ends: this.#ends };
  }

  #replaceFrom(first: number): void {
    const keep = this.#files.findLastIndex((file) => file.baseIndex <= first);
    const file = this.#files[keep]!;
    if (file === this.#tail) {
      this.#zeroTo = file.lastIndex;
      return;
    }
    const cutTo = { index: first - 1, term: this.#start.termAt(first - 1)! };
    this.#steps.push({
      kind: "cutBack",
      file,
      removed: this.#files.slice(keep + 1),
      cutTo,
      zeroTo: file.lastIndex,
      hardState: this.#start.hardState,
      lastIndex: cutTo.index,
      lowestIndex: first,
    });
    this.#files = this.#files.slice(0, keep + 1);
    this.#tail = file;
    this.#end = file.end + HARD_STATE_RECORD_BYTES;
  }

  #isFull(index: number, bytes: number): boolean {
    const { header } = this.#tail;
    const slot = index - header.baseIndex;
    if (slot >= header.entriesPerFile) return true;
    // The first of the entries that replace others goes beside them, so that the file's own chain makes them void.
    if (this.#zeroTo >= index) return false;
    // A file without an entry is not left: the next one would have its name.
    return slot > 0 && this.#end + bytes - header.dataOffset > this.#context.tuning.fileBytesMax;
  }

  #addRecords(entries: readonly LogEntry[], partStart: number, hardState: HardState | undefined): void {
    // A write of nothing is kept: its promise has its place in the order.
    const isNothing = entries.length === 0 && hardState === undefined;
    if (isNothing && this.#steps.length > 0) return;
    this.#steps.push({
      kind: "records",
      file: this.#tail,
      entries,
      hardState,
      zeroTo: this.#zeroTo,
      bytes: this.#end - partStart,
      lastIndex: entries.at(-1)?.index ?? this.#start.lastIndex,
      lowestIndex: entries[0]?.index ?? Number.POSITIVE_INFINITY,
    });
    this.#zeroTo = 0;
  }

  #roll(base: LogPosition): void {
    const previous = this.#tail;
    this.#close(base.index);
    const { generation, baseIndex } = previous.header;
    const file = planFile(this.#context, base, { generation, previous: { baseIndex, end: this.#end } });
    this.#steps.push({
      kind: "create",
      file,
      previous,
      hardState: this.#start.hardState,
      lastIndex: base.index,
      lowestIndex: Number.POSITIVE_INFINITY,
    });
    this.#made.push(file);
    this.#files = [...this.#files, file];
    this.#tail = file;
    this.#end = file.end;
  }

  #close(lastIndex: number): void {
    this.#ends.push({ file: this.#tail, end: this.#end, lastIndex });
  }

  #termBefore(entries: readonly LogEntry[], at: number): number {
    return at > 0 ? entries[at - 1]!.term : this.#start.termAt(entries[0]!.index - 1)!;
  }
}
