/** Orders text as its UTF-8 bytes are ordered: by code points, which UTF-16 units beyond U+FFFF are not. */
export function compareText(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) {
    const [x, y] = [a.charCodeAt(at), b.charCodeAt(at)];
    if (x === y) continue;
    const [xIsHalf, yIsHalf] = [isSurrogate(x), isSurrogate(y)];
    // A surrogate stands for a code point above U+FFFF, though units from U+E000 on are greater numbers.
    if (xIsHalf !== yIsHalf) return xIsHalf ? 1 : -1;
    return x - y;
  }
  return a.length - b.length;
}

function isSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdfff;
}
