import { isDisterError, type LogEntry } from "@dister/types";
import type { MemoryFileSystem } from "@dister/types/testing";
import type { DiskLog } from "../src/index.ts";
import { type Damage, damagedBy, looksLikeCutBatch } from "./fuzz-damage.ts";
import { diskOf, FOLDER, openOn } from "./fuzz-disk.ts";
import { type History, lastOf } from "./fuzz-history.ts";
import type { ModelState } from "./log-model.ts";

export type Judged = { readonly outcome: Outcome } | { readonly problem: string };

export type Outcome = "whole" | "suspect" | "refused" | `not noticed: ${string}`;

/** What one start of a log came to. */
interface Look {
  readonly outcome: "whole" | "suspect" | "refused" | "short";
  readonly lastIndex: number;
  readonly mark: number;
  readonly report: string;
  /** A read or a check has found damage. */
  readonly isRead: boolean;
}

class Broken extends Error {}

function check(isTrue: boolean, problem: string): void {
  if (!isTrue) throw new Broken(problem);
}

/**
 * Opens a log that is damaged, or is damaged when it is open, as a node does that reads everything sooner or later, and holds it to what was promised.
 * @returns what came of it, or what is wrong.
 */
export async function judge(history: History, damage: Damage | undefined, isLive = false): Promise<Judged> {
  const image = damage === undefined || isLive ? history.image : damagedBy(history.image, damage);
  const disk = diskOf(image);
  try {
    let look = await lookAt(disk, history, isLive ? damage : undefined);
    const wasRead = look.isRead;
    for (let again = 0; again < 2 && look.outcome !== "refused"; again++) {
      const next = await lookAt(disk, history);
      check(look.outcome !== "suspect" || next.outcome !== "whole", "it is not suspect any more after a restart");
      // What the first start has read is cut by the second; after that nothing changes any more.
      const isSame = again === 0 || (next.lastIndex === look.lastIndex && next.mark === look.mark);
      check(isSame, `it ends at ${next.lastIndex}, mark ${next.mark}, after ${look.lastIndex}, mark ${look.mark}`);
      look = next;
    }
    if (damage === undefined) {
      check(look.outcome !== "whole" || history.allowed.some((state) => lastOf(state) === look.lastIndex), "a part");
      check(
        look.outcome === (history.mark > 0 ? "suspect" : "whole"),
        `${look.outcome} without damage: ${look.report}`,
      );
    }
    if (look.outcome === "suspect") await healed(disk, history, look.mark);
    if (look.outcome !== "short") return { outcome: look.outcome };
    check(!wasRead || !isLive, `it ends at ${look.lastIndex} in silence, and a read had found that it is damaged`);
    const excuse = damage && looksLikeCutBatch(history.image, damage);
    check(excuse !== undefined, `it ends at ${look.lastIndex} in silence`);
    return { outcome: `not noticed: ${excuse!}` };
  } catch (error) {
    return { problem: error instanceof Broken ? error.message : (error as Error).stack! };
  }
}

/** Opens, reads and verifies all, and closes. */
async function lookAt(disk: MemoryFileSystem, history: History, live?: Damage): Promise<Look> {
  let log: DiskLog;
  try {
    log = await openOn(disk, history.tuning);
  } catch (error) {
    if (!isDisterError(error, "DISTER_ERR_LOG_CORRUPT")) throw error;
    return { outcome: "refused", lastIndex: 0, mark: 0, report: error.message, isRead: false };
  }
  try {
    const [lastIndex, mark] = [log.lastIndex(), log.suspect().index];
    checkHardState(log, history);
    if (live !== undefined && disk.exists(`${FOLDER}/${live.name}`)) {
      const room = disk.contents(`${FOLDER}/${live.name}`).length - live.offset;
      if (room > 0) disk.damage(`${FOLDER}/${live.name}`, live.offset, live.bytes.subarray(0, room));
    }
    const found = readAll(log, history);
    const isRead = found === undefined;
    const report = log.recovery.damage ?? "";
    const least = Math.max(history.mark, leastOf(history));
    check(mark >= history.mark, `the mark ${history.mark} is forgotten: ${mark}`);
    // Where a batch that replaces entries was under way, nobody needs those any more, and damage may leave any part of them.
    const compactedTo = Math.max(...history.allowed.map((state) => state.compactedTo));
    const isAllowed =
      lastIndex >= leastOf(history) && history.allowed.some((state) => isState(log, found, state, compactedTo));
    // What has come while it was suspect lies behind the mark.
    if (mark > 0 && (mark >= least || isAllowed)) return { outcome: "suspect", lastIndex, mark, report, isRead };
    // Where a batch that replaces everything was under way nothing needs a mark.
    check(report === "" || least === 0, `mark ${mark} below ${least}, ends at ${lastIndex}: ${report}`);
    if (isAllowed) return { outcome: "whole", lastIndex, mark, report, isRead };
    const committed = history.acknowledged.entries.filter(({ index }) => index <= history.provenCommit);
    const isThere = ({ index, term }: LogEntry) => found?.[index - log.firstIndex()]?.term === term;
    const areThere = committed.every((entry) => entry.index <= log.base().index || isThere(entry));
    check(
      areThere || found === undefined,
      `up to ${lastIndex} in silence, without what is known to be committed up to ${history.provenCommit}`,
    );
    return { outcome: "short", lastIndex, mark, report, isRead };
  } finally {
    await log.close();
  }
}

/** No allowed log ends before this index. */
function leastOf({ allowed }: History): number {
  return Math.min(...allowed.map(lastOf));
}

function checkHardState(log: DiskLog, { acknowledged }: History): void {
  const { hardState } = acknowledged;
  const found = log.hardState();
  check(found.term >= hardState.term, `term ${found.term} after ${hardState.term}`);
  const isForgotten = found.term === hardState.term && hardState.vote !== null && found.vote !== hardState.vote;
  check(!isForgotten, `vote ${found.vote} after ${hardState.vote} in term ${found.term}`);
}

/** The entries; undefined when damage was found by reading. Each that is read is what was written. */
function readAll(log: DiskLog, { entries }: History): LogEntry[] | undefined {
  const found: LogEntry[] = [];
  let isDamaged = false;
  for (let index = log.firstIndex(); index <= log.lastIndex(); index++) {
    try {
      const entry = log.read(index, index, 0)[0]!;
      const wanted = entries.written(index, entry.term);
      const isSame =
        wanted?.r === entry.r && wanted.kind === entry.kind && Buffer.compare(wanted.payload, entry.payload) === 0;
      check(isSame && entry.index === index, `entry ${index}:${entry.term} is not what was written`);
      check(log.termAt(index) === entry.term, `the term of entry ${index}`);
      found.push(entry);
    } catch (error) {
      if (!isDisterError(error, "DISTER_ERR_LOG_CORRUPT")) throw error;
      isDamaged = true;
    }
  }
  for (let from = log.firstIndex(); from <= log.lastIndex(); ) {
    const checked = log.verify(from, 1e6);
    isDamaged ||= checked.damaged;
    from = checked.damaged ? checked.to + 1 : checked.next;
  }
  return isDamaged ? undefined : found;
}

/** Whether a log is a state or the beginning of one; entries that a read has found damaged are judged at the next start. */
function isState(log: DiskLog, found: LogEntry[] | undefined, state: ModelState, compactedTo: number): boolean {
  const base = log.base();
  if (base.index < state.start.index || base.index > compactedTo) return false;
  if (log.lastIndex() > lastOf(state)) return false;
  if (found === undefined) return true;
  const wanted = state.entries.filter(({ index }) => index > base.index && index <= log.lastIndex());
  return wanted.length === found.length && wanted.every(({ term }, at) => term === found[at]!.term);
}

/** What a leader sends makes a suspect log whole, durably. */
async function healed(disk: MemoryFileSystem, history: History, mark: number): Promise<void> {
  const log = await openOn(disk, history.tuning);
  const [first, base] = [log.firstIndex(), log.base()];
  const known = new Map(history.acknowledged.entries.map((entry) => [entry.index, entry]));
  const term = Math.max(history.acknowledged.hardState.term, log.hardState().term) + 1;
  const target: LogEntry[] = [];
  const isOld = (entry: LogEntry) => entry.term < term;
  for (let index = first; index <= mark; index++) {
    const entry = known.get(index);
    const isKnown = entry !== undefined && entry.term >= (target.at(-1)?.term ?? base.term) && target.every(isOld);
    target.push(isKnown ? entry : history.entries.at(index, term));
  }
  await log.append({ entries: [], hardState: { term, vote: null, commit: log.hardState().commit } });
  const from = target.findIndex(({ index, term: wanted }) => log.termAt(index) !== wanted);
  if (from >= 0) {
    for (let at = from; at < target.length; at += 7) await log.append({ entries: target.slice(at, at + 7) });
  }
  await log.trust();
  await log.close();
  const again = await openOn(disk, history.tuning);
  const { damage } = again.recovery;
  check(damage === undefined && again.suspect().index === 0, `suspect again after it was made whole: ${damage}`);
  const found = readAll(again, history);
  check(found !== undefined, "damaged after it was made whole");
  check(again.base().index === base.index, "another base after it was made whole");
  const isWhole = target.every(({ index, term: wanted }) => found?.[index - first]?.term === wanted);
  check(isWhole, "not all is there after it was made whole");
  await again.close();
}
