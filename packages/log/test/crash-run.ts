import { isDisterError, NO_LOGGER } from "@dister/types";
import { type DiskLog, type LogTuning, openLog } from "../src/index.ts";
import { CrashDisk, type DiskFault } from "./crash-disk.ts";
import type { CrashPoint, DiskImage } from "./crash-point.ts";
import {
  after,
  type Call,
  during,
  EMPTY,
  entryOf,
  lineOfState,
  type ModelState,
  perform,
  withCopy,
} from "./log-model.ts";

const IDENTITY = { group: "test", nodeId: "00000000000000AB", clusterId: "00000000000000C1" };

/** Calls by turns: what is in one turn is handed in together. */
export type Turns = readonly (readonly Call[])[];

/** What a log may look like after a crash, as lines, each with the state that it is. */
export type Allowed = ReadonlyMap<string, ModelState>;

/** A state of the disk that a crash may find, and everything that was promised while it was so. */
export interface Moment {
  readonly point: CrashPoint;
  readonly allowed: Allowed[];
}

export function openOn(fileSystem: CrashDisk, tuning: Partial<LogTuning>): Promise<DiskLog> {
  return openLog({
    components: { fileSystem, logger: NO_LOGGER },
    options: { directory: "/log", identity: IDENTITY, cacheBytes: 0, ...tuning },
  });
}

/** One run of a log, from an image on, with every moment at which a crash may come. */
export class CrashRun {
  readonly disk: CrashDisk;
  readonly moments: Moment[] = [];
  acknowledged = 0;
  readonly begun: { readonly call: Call; readonly base: number }[] = [];
  /** A call was rejected by a failure of the disk. */
  #hasFailed = false;
  #from: ModelState;
  #baseMin: number;
  #recordedFrom: number;
  #allowed: Allowed | undefined;

  /** @param from - what the log is before the first call. */
  constructor(image: DiskImage | undefined, from: ModelState = EMPTY, fault?: DiskFault) {
    this.disk = new CrashDisk(image);
    this.#from = from;
    this.#baseMin = from.start.index;
    // What comes before a fault was looked at without it.
    this.#recordedFrom = fault?.at ?? 0;
    if (fault !== undefined) this.disk.fail(fault);
    this.disk.onMoment = () => this.#moment();
  }

  /** Opens the log and does the calls until one fails; every call that was begun is then settled. */
  async run(turns: Turns | ((log: DiskLog) => Turns), tuning: Partial<LogTuning>): Promise<void> {
    let log: DiskLog;
    try {
      log = await openOn(this.disk, tuning);
    } catch (error) {
      if (!isDisterError(error)) throw error;
      this.#moment();
      return;
    }
    for (const turn of typeof turns === "function" ? turns(log) : turns) {
      const results = turn.map((call) => this.#perform(log, call));
      if (!(await Promise.all(results)).includes(false)) continue;
      // After a refusal it goes on; after a failure of the disk nothing may be acknowledged any more.
      const [index, term] = [log.lastIndex() + 1, log.termAt(log.lastIndex())! + 1];
      await this.#perform(log, { type: "append", entries: [entryOf(index, term, 600)] });
      break;
    }
    await log.close();
    this.#moment();
  }

  async #perform(log: DiskLog, call: Call): Promise<boolean> {
    const promise = perform(log, call);
    const begun = { call, base: log.base().index };
    this.begun.push(begun);
    this.#allowed = undefined;
    try {
      await promise;
    } catch (error) {
      // A refusal has changed nothing.
      if (isRefusal(error)) this.begun.splice(this.begun.indexOf(begun), 1);
      else this.#hasFailed = true;
      this.#allowed = undefined;
      this.#moment();
      return false;
    }
    if (this.#hasFailed) throw new Error("a call was acknowledged after one had failed");
    if (this.begun[this.acknowledged] !== begun) throw new Error("calls were acknowledged out of order");
    this.acknowledged++;
    if (call.type !== "append") this.#baseMin = begun.base;
    this.#from = after(this.#from, call);
    this.#allowed = undefined;
    this.#moment();
    return true;
  }

  #moment(): void {
    if (this.disk.operations.length < this.#recordedFrom) return;
    const point = this.disk.freeze();
    this.#allowed ??= this.#expected();
    const last = this.moments.at(-1);
    if (last?.point !== point) this.moments.push({ point, allowed: [this.#allowed] });
    else if (last.allowed.at(-1) !== this.#allowed) last.allowed.push(this.#allowed);
  }

  /** The acknowledged state, and what the calls that were begun may have made of it, in order. */
  #expected(): Allowed {
    const states: ModelState[] = [];
    // Appends may share a batch, of which any part may be durable without the copy of the hard state, or that alone.
    let batch: ModelState[] = [];
    let state = this.#from;
    for (const { call } of this.begun.slice(this.acknowledged)) {
      if (call.type !== "append") batch = [];
      batch.push(...during(state, call));
      states.push(...during(state, call));
      state = after(state, call);
      if (call.type !== "append" || call.hardState === undefined) continue;
      for (const each of batch) states.push(...withCopy(each, call.hardState));
    }
    states.push(state);
    const allowed = new Map<string, ModelState>();
    for (const each of states) {
      for (let base = Math.max(each.start.index, this.#baseMin); base <= each.compactedTo; base++) {
        const line = lineOfState(each, base);
        if (line !== undefined) allowed.set(line, each);
      }
    }
    return allowed;
  }
}

function isRefusal(error: unknown): boolean {
  return isDisterError(error, "DISTER_ERR_DISK_FULL") || isDisterError(error, "DISTER_ERR_LOG_GAP");
}
