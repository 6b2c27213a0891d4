/** The known name that a mistyped one most likely means: at most two letters wrong, or three in a long name. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let distance = name.length > 6 ? 4 : 3;
  for (const candidate of known) {
    const found = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (found < distance) {
      best = candidate;
      distance = found;
    }
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
