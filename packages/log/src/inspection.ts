import { describeDamage, type LogDamage } from "./damage.ts";
import { type FileContents, readContents, readItems } from "./file-check.ts";
import { firstRecordsBytes } from "./file-making.ts";
import { type FoundFile, findFiles, isSound, newestGeneration, reading, type SoundFile } from "./found-files.ts";
import { checkLink, type Link } from "./link-check.ts";
import type { LogContext } from "./log-context.ts";
import type { RecordWindow } from "./record-window.ts";
import type { StateValues } from "./state-slot.ts";
import { judgeTail, type Tail } from "./tail.ts";

/** One file of a log that is sound as far as it was looked at. */
export interface LinkedFile extends SoundFile {
  readonly rebuiltItems: Uint8Array | undefined;
}

/** A log without damage, perhaps with a batch that a crash has cut. */
export interface SoundLog {
  /** Oldest first, at least one. */
  readonly linked: readonly LinkedFile[];
  /** To be removed, in this order. */
  readonly leftovers: readonly string[];
  readonly contents: FileContents;
  readonly tail: Tail;
  /** The index area of the last file as it is on disk. */
  readonly items: Uint8Array;
}

/**
 * Looks at the whole log and changes nothing.
 * @param known - what the log remembers beside its files.
 * @returns undefined when there is no file; the damage where there is some; else the log.
 * @throws DisterError `DISTER_ERR_LOG_CORRUPT` for damage that cannot be cut away.
 */
export function inspectLog(
  context: LogContext,
  known: StateValues | undefined,
): SoundLog | { readonly damage: LogDamage } | undefined {
  const found = findFiles(context);
  if (found.length === 0) return undefined;
  const current = newestGeneration(found);
  const linked: LinkedFile[] = [];
  let file = current[0];
  for (;;) {
    const next = current[linked.length + 1];
    const link = linkOf(context, file, next, known);
    if (link?.kind === "damage") {
      const { place, cutEnd } = link;
      return { damage: describeDamage(context, current, { at: linked.length, place, cutEnd }) };
    }
    linked.push({ ...file, rebuiltItems: link?.rebuiltItems });
    if (link?.kind !== "next" || next === undefined || !isSound(next)) break;
    file = next;
  }
  const inspected = reading(context.fileSystem.open(file.path, "read"), (window) => inspectLast(window, file, known));
  const { tail, contents, items } = inspected;
  if (tail.damage !== undefined) {
    const place = { path: file.path, offset: contents.stop.offset, reason: tail.damage };
    return { damage: describeDamage(context, current, { at: linked.length - 1, place, cutEnd: place.offset }) };
  }
  const behind = current.slice(linked.length).reverse();
  const older = found.filter((each) => !current.includes(each));
  return { linked, leftovers: [...behind, ...older].map(({ path }) => path), contents, tail, items };
}

/** Undefined when there is no next file. */
function linkOf(
  { fileSystem }: LogContext,
  file: SoundFile,
  next: FoundFile | undefined,
  known: StateValues | undefined,
): Link | undefined {
  if (next === undefined) return undefined;
  // A file that was found damaged while the log was open is not believed by its end alone, nor is any behind it: only the
  // first is noted.
  const noted = known?.damagedFile ?? 0;
  const isWholeRead = noted > 0 && file.baseIndex >= noted;
  const handle = fileSystem.open(file.path, "read");
  return reading(handle, (window) => checkLink(window, file, next, isWholeRead), isWholeRead ? undefined : 64 * 1024);
}

function inspectLast(
  window: RecordWindow,
  { beginning }: SoundFile,
  known: StateValues | undefined,
): Pick<SoundLog, "contents" | "tail" | "items"> {
  const { header } = beginning;
  const contents = readContents(window, beginning);
  const items = readItems(window, header);
  const { stop, lastIndex } = contents;
  const madeEnd = header.dataOffset + firstRecordsBytes(header);
  // What the copy of the hard state calls committed was durable here when it was written.
  const commit = known?.hardState.commit ?? 0;
  // Up to the mark of a suspect log that is what was lost, and what has come since counts for nothing: a crash may cut it.
  const isNews = (index: number): boolean => index > (known?.suspect.index ?? 0);
  const knownIndex = Math.max(0, ...[contents.knownIndex, commit].filter(isNews));
  const committedIndex = Math.max(0, ...[contents.hardState.commit, commit].filter(isNews));
  const { baseIndex } = header;
  const noted = known?.damagedFile ?? 0;
  const isNoted = noted > 0 && baseIndex >= noted;
  const tail = judgeTail({ window, stop, items, madeEnd, baseIndex, lastIndex, knownIndex, committedIndex, isNoted });
  if (tail.damage !== undefined || lastIndex >= commit || !isNews(commit)) return { contents, tail, items };
  return { contents, tail: { ...tail, damage: `entry ${commit} was acknowledged and is not there` }, items };
}
