/** A range of keys for one seek: from `from` on, or behind it, and before `to`; `to` undefined means to the end. */
export interface KeyRange {
  readonly from: string;
  readonly behind: boolean;
  readonly to: string | undefined;
}

/** The keys that begin with `prefix` and lie behind `after`. Both are well-formed. */
export function rangeOf(prefix: string, after: string): KeyRange {
  const behind = compareText(after, prefix) >= 0;
  return { from: behind ? after : prefix, behind, to: behindPrefix(prefix) };
}

/** Orders text as its UTF-8 bytes are ordered, which is also the order of the database. */
export function compareText(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** The first text behind everything that begins with the prefix, undefined when there is none. */
function behindPrefix(prefix: string): string | undefined {
  const points = Array.from(prefix, (point) => point.codePointAt(0)!);
  for (let last = points.pop(); last !== undefined; last = points.pop()) {
    if (last === 0x10ffff) continue;
    // The surrogates are code points that no text may hold.
    return String.fromCodePoint(...points, last === 0xd7ff ? 0xe000 : last + 1);
  }
  return undefined;
}
