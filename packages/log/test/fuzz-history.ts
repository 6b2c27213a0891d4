import type { HardState, LogEntry } from "@dister/types";
import { MemoryFileSystem, SeededRng } from "@dister/types/testing";
import type { DiskLog, LogTuning } from "../src/index.ts";
import { damagedBy, drawDamage } from "./fuzz-damage.ts";
import { Dice, diskOf, FOLDER, type Image, imageOf, openOn } from "./fuzz-disk.ts";
import { FuzzEntries } from "./fuzz-entries.ts";
import { after, type Call, during, EMPTY, type ModelState, perform } from "./log-model.ts";

const NODES = ["00000000000000AB", "00000000000000CD"];
const MARK_MAX = 400;

/** A log at rest and everything that was promised of it. */
export interface History {
  readonly image: Image;
  readonly tuning: Partial<LogTuning>;
  readonly entries: FuzzEntries;
  readonly acknowledged: ModelState;
  /** What the log may be: what was acknowledged, and where the power went in a call, what comes of a part of it. */
  readonly allowed: readonly ModelState[];
  /** The mark of a log that is suspect already; 0 for none. */
  readonly mark: number;
  /** Highest index that the file `state` knows to be committed. */
  readonly provenCommit: number;
  /** Nothing up to here is ever replaced. */
  readonly committed: number;
  readonly wasCut: boolean;
  readonly steps: readonly string[];
}

/** A random life of a log, up to its end or to a power cut. */
export async function historyOf(seed: number): Promise<History> {
  return new HistoryRun(seed).run();
}

class HistoryRun {
  readonly #dice: Dice;
  readonly #entries: FuzzEntries;
  readonly #steps: string[] = [];
  #fileSystem = new MemoryFileSystem();
  #tuning: Partial<LogTuning>;
  #log: DiskLog | undefined;
  #state: ModelState = EMPTY;
  #mark = 0;
  #term = 1;
  #committed = 0;
  #provenCommit = 0;
  #lastReplaced = 0;
  /** Terms of the entries as they were acknowledged last, also of those that damage has taken since. */
  readonly #terms = new Map<number, number>();

  constructor(seed: number) {
    this.#dice = new Dice(new SeededRng(seed));
    this.#entries = new FuzzEntries(this.#dice);
    this.#tuning = this.#drawTuning();
  }

  async run(): Promise<History> {
    const dice = this.#dice;
    this.#fileSystem.makeDirectory(FOLDER);
    this.#fileSystem.syncDirectory("/");
    await this.#open();
    await this.#do({ type: "append", entries: [], hardState: { term: 1, vote: NODES[0]!, commit: 0 } });
    for (let left = dice.between(3, 16); left > 0; left--) await this.#step();
    const wasCut = dice.chance(0.5);
    const states = wasCut ? await this.#cutPower() : [this.#state];
    if (!wasCut) {
      await this.#log!.close();
      if (dice.chance(0.3)) {
        await this.#reopen();
        await this.#log!.close();
      }
    }
    return {
      image: imageOf(this.#fileSystem),
      tuning: this.#tuning,
      entries: this.#entries,
      acknowledged: this.#state,
      allowed: states,
      mark: this.#mark,
      provenCommit: this.#provenCommit,
      committed: this.#committed,
      wasCut,
      steps: this.#steps,
    };
  }

  #drawTuning(): Partial<LogTuning> {
    const dice = this.#dice;
    const preallocateBytes = dice.of([0, 512, 4096]);
    const sizes = [
      { fileBytesMax: dice.between(1_024, 4_096), entriesPerFile: 100 },
      { entriesPerFile: dice.between(2, 5) },
      { entriesPerFile: dice.of([10, 100]) },
    ];
    return { preallocateBytes, openFilesMax: 2, ...dice.of(sizes) };
  }

  async #open(): Promise<void> {
    this.#steps.push(`open ${JSON.stringify(this.#tuning)}`);
    this.#log = await openOn(this.#fileSystem, this.#tuning);
  }

  async #reopen(): Promise<void> {
    await this.#log!.close();
    if (this.#dice.chance(0.4)) this.#tuning = this.#drawTuning();
    await this.#open();
  }

  async #step(): Promise<void> {
    const dice = this.#dice;
    const choice = dice.between(0, 99);
    if (this.#mark > 0 && choice < 50) return this.#heal();
    if (choice >= 96) return this.#damage();
    if (choice >= 86) return this.#reopen();
    const calls = [this.#drawCall(this.#state)];
    if (dice.chance(0.15)) calls.push(this.#drawCall(after(this.#state, calls[0]!)));
    await Promise.all(calls.map((call) => perform(this.#log!, call)));
    this.#acknowledge(...calls);
  }

  async #do(call: Call): Promise<void> {
    await perform(this.#log!, call);
    this.#acknowledge(call);
  }

  /** Calls that were handed in together: they may have been one batch. */
  #acknowledge(...calls: readonly Call[]): void {
    let durable = lastOf(this.#state);
    for (const call of calls) {
      if (call.type === "append") durable = Math.min(durable, (call.entries[0]?.index ?? Number.POSITIVE_INFINITY) - 1);
    }
    this.#steps.push(calls.map(textOf).join(" and "));
    for (const call of calls) this.#take(call, durable);
  }

  #take(call: Call, durable: number): void {
    if (call.type === "append") for (const { index, term } of call.entries) this.#terms.set(index, term);
    this.#state = after(this.#state, call);
    if (call.type === "append" && call.hardState !== undefined) {
      this.#provenCommit = Math.max(this.#provenCommit, Math.min(call.hardState.commit, durable));
    }
    if (call.type === "reset") this.#provenCommit = Math.min(this.#provenCommit, call.base.index);
  }

  #drawCall(state: ModelState): Call {
    const dice = this.#dice;
    const last = lastOf(state);
    const choice = dice.between(0, 99);
    if (choice < 4 && this.#committed > state.start.index) {
      return { type: "compact", index: dice.between(state.compactedTo, Math.max(state.compactedTo, this.#committed)) };
    }
    if (choice < 6 && this.#mark === 0 && this.#committed <= last) {
      const index = dice.between(Math.max(this.#committed, state.start.index) + 1, last + 4);
      this.#committed = index;
      return { type: "reset", base: { index, term: this.#term } };
    }
    if (choice < 18) return { type: "append", entries: [], hardState: this.#drawHardState(state, last) };
    const lowest = Math.max(this.#committed, state.compactedTo, state.start.index) + 1;
    if (choice < 50 && lowest <= last) return this.#drawReplacing(state, lowest, last);
    const entries = this.#drawEntries(last + 1, dice.between(1, 5));
    const hasHardState = dice.chance(0.25);
    return hasHardState
      ? { type: "append", entries, hardState: this.#drawHardState(state, entries.at(-1)!.index) }
      : { type: "append", entries };
  }

  #drawReplacing(state: ModelState, lowest: number, last: number): Call {
    const dice = this.#dice;
    const firsts = [lowest, dice.between(lowest, last), dice.between(Math.max(lowest, last - 3), last)];
    if (this.#lastReplaced >= lowest && this.#lastReplaced <= last) firsts.push(this.#lastReplaced);
    const first = dice.of(firsts);
    this.#lastReplaced = first;
    this.#term++;
    const entries = this.#drawEntries(first, dice.between(1, 5));
    const { commit } = state.hardState;
    return { type: "append", entries, hardState: { term: this.#term, vote: dice.of([null, ...NODES]), commit } };
  }

  #drawEntries(first: number, count: number): LogEntry[] {
    const last = this.#fileSystem.list(FOLDER).findLast((name) => name.endsWith(".dlog"))!;
    const bytes = this.#fileSystem.contents(`${FOLDER}/${last}`);
    this.#entries.guessedOffset = Math.max(4096, bytes.findLastIndex((byte) => byte !== 0) + 1);
    return Array.from({ length: count }, (_, at) => {
      const index = first + at;
      return this.#entries.at(index, index <= this.#committed ? (this.#terms.get(index) ?? this.#term) : this.#term);
    });
  }

  #drawHardState({ hardState }: ModelState, last: number): HardState {
    const dice = this.#dice;
    const isNew = dice.chance(0.5) || hardState.term < this.#term;
    if (isNew) this.#term = Math.max(this.#term, hardState.term) + (dice.chance(0.5) ? 1 : 0);
    const vote = this.#term > hardState.term ? dice.of([null, ...NODES]) : (hardState.vote ?? dice.of(NODES));
    const low = Math.max(hardState.commit, 0);
    const commit = dice.chance(0.5) && low <= last ? dice.between(low, last) : low;
    this.#committed = Math.max(this.#committed, commit);
    return { term: this.#term, vote, commit };
  }

  /** Damage that makes the log suspect; whatever else comes of it is taken back. */
  async #damage(): Promise<void> {
    await this.#log!.close();
    const sound = imageOf(this.#fileSystem);
    const damage = drawDamage(this.#dice, sound);
    const disk = diskOf(damagedBy(sound, damage));
    const log = await openOn(disk, this.#tuning).catch(() => undefined);
    const mark = log?.suspect().index ?? 0;
    const isUseful = log !== undefined && mark > this.#mark && mark <= lastOf(this.#state) + MARK_MAX;
    if (!isUseful || log.base().index !== baseOf(this.#state, log)) {
      await log?.close();
      return this.#open();
    }
    this.#steps.push(`damage ${damage.text}: ends at ${log.lastIndex()}, mark ${mark}`);
    this.#fileSystem = disk;
    this.#log = log;
    this.#mark = mark;
    const found = log.read(log.base().index + 1, log.lastIndex(), 1e9);
    const below = this.#state.entries.filter(({ index }) => index <= log.base().index);
    this.#state = { ...this.#state, entries: [...below, ...found], hardState: log.hardState() };
  }

  /** A leader sends a part or all of what is missing; what is committed comes back as it was. */
  async #heal(): Promise<void> {
    const dice = this.#dice;
    const last = lastOf(this.#state);
    const target = dice.chance(0.6) ? this.#mark : dice.between(Math.min(last, this.#mark), this.#mark);
    const wrong = this.#state.entries.find(({ index, term }) => {
      return index > this.#state.compactedTo && index <= this.#committed && this.#terms.get(index) !== term;
    });
    for (let first = wrong?.index ?? last + 1; first <= target; first += 5) {
      await this.#do({ type: "append", entries: this.#drawEntries(first, Math.min(5, target - first + 1)) });
    }
    if (lastOf(this.#state) < this.#mark) return;
    await this.#log!.trust();
    this.#steps.push("trust");
    this.#mark = 0;
  }

  /** The power goes while one or two calls are under way. Returns what the log may be then. */
  async #cutPower(): Promise<ModelState[]> {
    const dice = this.#dice;
    const calls = [this.#drawCall(this.#state)];
    if (dice.chance(0.3)) calls.push(this.#drawCall(after(this.#state, calls[0]!)));
    const resolved = new Set<Call>();
    for (const call of calls) {
      void perform(this.#log!, call).then(
        () => resolved.add(call),
        () => undefined,
      );
    }
    for (let turns = dice.between(0, 60); turns > 0; turns--) await Promise.resolve();
    const keep = dice.of([0, 0.5, 0.5, 0.8, 1]);
    const open = calls.findIndex((call) => !resolved.has(call));
    const done = open < 0 ? calls.length : open;
    this.#fileSystem.crash({ keepSector: () => dice.chance(keep), keepName: () => dice.chance(keep) });
    // What the dead process does on the disk from here on has not happened.
    const image = imageOf(this.#fileSystem);
    this.#fileSystem = diskOf(image);
    this.#acknowledge(...calls.slice(0, done));
    this.#steps.push(`power cut, ${done} of ${calls.length} calls acknowledged, kept ${keep}`);
    const allowed = [this.#state];
    let from = this.#state;
    for (const call of calls.slice(done)) {
      this.#steps.push(`under way: ${textOf(call)}`);
      allowed.push(...during(from, call));
      from = after(from, call);
    }
    return allowed;
  }
}

export function lastOf({ entries, start }: ModelState): number {
  return entries.at(-1)?.index ?? start.index;
}

function baseOf(state: ModelState, log: DiskLog): number {
  const { index } = log.base();
  return index >= state.start.index && index <= state.compactedTo ? index : -1;
}

function textOf(call: Call): string {
  if (call.type === "compact") return `compact ${call.index}`;
  if (call.type === "reset") return `reset ${call.base.index}:${call.base.term}`;
  const list = call.entries.map(({ index, term, payload }) => `${index}:${term}(${payload.length})`).join(" ");
  const { hardState } = call;
  const state = hardState === undefined ? "" : ` hard ${hardState.term} ${hardState.vote} ${hardState.commit}`;
  return `append ${list}${state}`;
}
