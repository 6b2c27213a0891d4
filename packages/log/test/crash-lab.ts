import { isDisterError } from "@dister/types";
import { SeededRng } from "@dister/types/testing";
import type { DiskLog, LogTuning } from "../src/index.ts";
import { CrashDisk, type DiskFault } from "./crash-disk.ts";
import type { CrashPoint, DiskImage } from "./crash-point.ts";
import { type Allowed, CrashRun, openOn, type Turns } from "./crash-run.ts";
import { type Call, entryOf, lineOf, type ModelState } from "./log-model.ts";

/** How many images are taken of one moment at most; when there are no more, all of them are. */
export interface Effort {
  /** Of a moment of the workload. */
  readonly images: number;
  /** Of a moment of a recovery. */
  readonly recoveryImages: number;
  /** Of a moment of a recovery after the process ended and the power did not fail. */
  readonly processImages: number;
  /** Of a moment of a call that follows a recovery. */
  readonly followingImages: number;
}

/** What was done, to be printed. */
export interface CrashCounts {
  /** Moments of the workload between two of which the disk or what may be left of it changes. */
  crashPoints: number;
  /** Choices of what a crash keeps, some of which come to the same image. */
  subsets: number;
  /** Different contents of the disk after a crash in the workload, in a recovery, in the next process, in a later call. */
  images: number;
  recoveryImages: number;
  processImages: number;
  followingImages: number;
  /** Logs that were opened and compared. */
  recoveries: number;
}

/** Of so many images one is recovered with failures of the disk as well. */
const FAILING_SHARE = 64;

type Origin = "images" | "recoveryImages" | "processImages" | "followingImages";

/** Crashes of one workload: every image is recovered once, and compared with whatever was promised when it came up. */
export class CrashLab {
  readonly counts: CrashCounts = {
    crashPoints: 0,
    subsets: 0,
    images: 0,
    recoveryImages: 0,
    processImages: 0,
    followingImages: 0,
    recoveries: 0,
  };
  readonly #tuning: Partial<LogTuning>;
  readonly #effort: Effort;
  /** By the image's key: the line of what was recovered. */
  readonly #recovered = new Map<number, string>();
  /** Keys of what recovered logs had left on their disk: one that is there was already gone on from. */
  readonly #followed = new Set<string>();
  #seed = 1;

  constructor(tuning: Partial<LogTuning>, effort: Effort) {
    this.#tuning = tuning;
    this.#effort = effort;
  }

  /** Keys of all images that were looked at. */
  get keys(): Iterable<number> {
    return this.#recovered.keys();
  }

  /** Does the calls once, recording, and looks at what any crash would leave. Returns the run. */
  async crash(turns: Turns, where: string, fault?: DiskFault): Promise<CrashRun> {
    const run = new CrashRun(undefined, undefined, fault);
    await run.run(turns, this.#tuning);
    await this.#crashRun(run, "images", where);
    return run;
  }

  /** The same with each of the operations failing, one at a time. */
  async fail(turns: Turns, where: string): Promise<void> {
    const undisturbed = new CrashRun(undefined);
    await undisturbed.run(turns, this.#tuning);
    for (const [before, operation] of undisturbed.disk.operations.entries()) {
      const at = before + 1;
      const faults: DiskFault[] = [{ at, error: "EIO" }];
      if (operation === "write") faults.push({ at, error: "ENOSPC" }, { at, error: "ENOSPC", part: 0.6 });
      for (const fault of faults) await this.crash(turns, `${where}, ${fault.error} at operation ${at}`, fault);
    }
  }

  async #crashRun(run: CrashRun, origin: Origin, where: string): Promise<void> {
    for (const [at, { point, allowed }] of run.moments.entries()) {
      if (origin === "images") this.counts.crashPoints++;
      for (const image of this.#imagesOf(point, origin)) {
        const line = this.#recovered.get(image.key) ?? (await this.#recover(image, origin, allowed, where));
        for (const each of allowed) if (!each.has(line)) fail(`${where}, moment ${at} (${origin})`, line, each);
      }
    }
  }

  /** The process ends at each moment, and the power fails while the next one opens the log or later. */
  async endProcess(turns: Turns, where: string): Promise<void> {
    const run = new CrashRun(undefined);
    await run.run(turns, this.#tuning);
    for (const [at, { point, allowed }] of run.moments.entries()) {
      this.counts.crashPoints++;
      await this.#openNext(point, allowed, `${where}, moment ${at}`);
    }
  }

  /**
   * The next process sees what was never synced. What it has opened is relied on from then on, so that it must be
   * durable.
   */
  async #openNext(point: CrashPoint, allowed: readonly Allowed[], where: string): Promise<void> {
    const disk = CrashDisk.after(point);
    const points: CrashPoint[] = [];
    disk.onMoment = () => {
      if (points.at(-1) !== disk.freeze()) points.push(disk.freeze());
    };
    const { log, line } = await this.#open(disk, where);
    this.counts.recoveries++;
    const opened = disk.freeze();
    for (const each of allowed) if (!each.has(line)) fail(`${where}, after the process ended`, line, each);
    await log.close();
    for (const [at, each] of points.entries()) {
      const isOpened = at >= points.indexOf(opened) && points.includes(opened);
      for (const image of this.#imagesOf(each, "processImages")) {
        const found = this.#recovered.get(image.key) ?? (await this.#recover(image, "processImages", allowed, where));
        if (isOpened && found !== line) throw new Error(`${where}: one process found\n  ${line}\nthe next\n  ${found}`);
        for (const all of allowed) if (!all.has(found)) fail(`${where}, after the process ended`, found, all);
      }
    }
  }

  #imagesOf(point: CrashPoint, origin: Origin): Iterable<DiskImage> {
    const limit = this.#effort[origin];
    this.counts.subsets += Math.min(limit, point.combinations);
    return point.images(limit, new SeededRng(this.#seed++));
  }

  /** Opens what a crash has left; crashes that too at each of its moments, and goes on from where it ends. */
  async #recover(image: DiskImage, origin: Origin, allowed: readonly Allowed[], where: string): Promise<string> {
    const disk = new CrashDisk(image);
    const points: CrashPoint[] = [];
    disk.onMoment = () => {
      if (disk.isChanged && points.at(-1) !== disk.freeze()) points.push(disk.freeze());
    };
    const { log, line } = await this.#open(disk, where);
    const opened = disk.freeze();
    disk.onMoment = () => {};
    this.counts.recoveries++;
    this.counts[origin]++;
    this.#recovered.set(image.key, line);
    if (disk.isChanged && points.at(-1) !== opened) points.push(opened);
    if (origin === "images" || origin === "followingImages") {
      for (const point of points) await this.#crashRecovery(point, line, where);
      if (image.key % FAILING_SHARE === 0) await this.#failRecovery(image, disk.operations.length, line, where);
    }
    const state = allowed.at(-1)?.get(line);
    if (origin !== "images" || state === undefined) return line;
    const left = `${opened.lost().key} ${opened.kept().key} ${line}`;
    if (!this.#followed.has(left)) {
      this.#followed.add(left);
      await this.#goOn(image, state, log, where);
    }
    return line;
  }

  /** A recovery that is cut anywhere and done again finds the same. */
  async #crashRecovery(point: CrashPoint, line: string, where: string): Promise<void> {
    for (const image of this.#imagesOf(point, "recoveryImages")) {
      const again = this.#recovered.get(image.key) ?? (await this.#recover(image, "recoveryImages", [], where));
      if (again === line) continue;
      throw new Error(`${where}: a recovery that a crash had cut found\n  ${again}\nand without the crash\n  ${line}`);
    }
  }

  /** A recovery in which any operation fails either fails with it, or finds the same; and so does the next one. */
  async #failRecovery(image: DiskImage, operations: number, line: string, where: string): Promise<void> {
    for (let at = 1; at <= operations; at++) {
      const disk = new CrashDisk(image);
      disk.fail({ at, error: at % 2 === 0 ? "EIO" : "ENOSPC", part: 0.5 });
      const found = await openOn(disk, this.#tuning)
        .then(lineOf)
        .catch((error: unknown) => error);
      if (found !== line && !isDisterError(found))
        throw new Error(`${where}: ${String(found)} when operation ${at} failed`);
      await this.#crashRecovery(disk.freeze(), line, `${where}, operation ${at} of the recovery failed`);
    }
  }

  /** What a log does next is written beside what the crash has left: that must not come back. */
  async #goOn(image: DiskImage, state: ModelState, log: DiskLog, where: string): Promise<void> {
    for (const [name, calls] of Object.entries(nextCalls(log))) {
      const run = new CrashRun(image, { ...state, compactedTo: Math.max(state.compactedTo, log.base().index) });
      await run.run([calls], this.#tuning);
      if (run.acknowledged !== calls.length) throw new Error(`${where}: ${name} after a recovery was not acknowledged`);
      await this.#crashRun(run, "followingImages", `${where}, ${name} after a recovery`);
    }
  }

  async #open(disk: CrashDisk, where: string): Promise<{ log: DiskLog; line: string }> {
    try {
      const log = await openOn(disk, this.#tuning);
      return { log, line: lineOf(log) };
    } catch (error) {
      throw new Error(`${where}: ${String(error)}`, { cause: error });
    }
  }
}

/** What may follow a recovery: an append at the end, one that replaces all that may be replaced, others. */
function nextCalls(log: DiskLog): Record<string, Call[]> {
  const { commit } = log.hardState();
  const last = log.lastIndex();
  const term = (log.termAt(last) ?? 0) + 1;
  const hardState = { term: Math.max(term, log.hardState().term) + 1, vote: "00000000000000AC", commit };
  const append = (index: number): Call => {
    return { type: "append", entries: [entryOf(index, term, 100), entryOf(index + 1, term, 700)], hardState };
  };
  const shortAppend = (index: number, bytes: number): Call => {
    return { type: "append", entries: [entryOf(index, term, bytes)] };
  };
  const lowest = Math.max(log.firstIndex(), commit + 1);
  return {
    "an append": [append(last + 1)],
    // Three records that end where one of 700 bytes would have ended, in one batch.
    "three short appends": [190, 191, 191].map((bytes, at) => shortAppend(last + 1 + at, bytes)),
    ...(lowest <= last ? { "a truncation": [append(lowest)] } : {}),
    "a compaction": [{ type: "compact", index: Math.min(last, commit) }],
    "a reset": [{ type: "reset", base: { index: last + 3, term } }],
  };
}

function fail(where: string, line: string, allowed: Allowed): never {
  const lines = [...allowed.keys()].slice(0, 12).join("\n  ");
  throw new Error(`${where}: the log is in no allowed state. Found\n  ${line}\nallowed (${allowed.size})\n  ${lines}`);
}
