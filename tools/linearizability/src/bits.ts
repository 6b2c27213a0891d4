/** An immutable set of small numbers, 32 to a word. All sets that meet in one search have the same count of words. */
export type Bits = readonly number[];

export function noBits(size: number): Bits {
  return new Array<number>(Math.max(1, Math.ceil(size / 32))).fill(0);
}

export function hasBit(bits: Bits, position: number): boolean {
  return (bits[position >>> 5]! & (1 << (position & 31))) !== 0;
}

/** The set with the number when it had been without it, and the other way round. */
export function flipBit(bits: Bits, position: number): Bits {
  if (bits.length === 1) return [bits[0]! ^ (1 << position)];
  const flipped = bits.slice();
  flipped[position >>> 5]! ^= 1 << (position & 31);
  return flipped;
}

export function isSubset(inner: Bits, outer: Bits): boolean {
  return inner.every((word, position) => (word & ~outer[position]!) === 0);
}
