/** What a disk writes whole or not at all. */
export const SECTOR_BYTES = 512;

/** The content of one sector. It never changes; a write makes another. */
export interface Sector {
  readonly bytes: Uint8Array;
  /** Two hashes of the content, of 32 bits each. */
  readonly a: number;
  readonly b: number;
}

/** What was never written. */
export const ZERO_SECTOR: Sector = { bytes: new Uint8Array(SECTOR_BYTES), a: 0, b: 0 };

/** A sector with a copy of its bytes. */
export function sectorOf(bytes: Uint8Array): Sector {
  if (Buffer.compare(bytes, ZERO_SECTOR.bytes) === 0) return ZERO_SECTOR;
  const copy = new Uint8Array(SECTOR_BYTES);
  copy.set(bytes);
  return hashed(copy);
}

/** A sector of which some bytes are replaced; the same object when nothing changes by that. */
export function sectorWith(sector: Sector | undefined, bytes: Uint8Array, from: number): Sector {
  const old = sector ?? ZERO_SECTOR;
  const copy = new Uint8Array(old.bytes);
  copy.set(bytes, from);
  const made = hashed(copy);
  return made.a === old.a && made.b === old.b ? old : made;
}

function hashed(bytes: Uint8Array): Sector {
  const words = new Uint32Array(bytes.buffer);
  let [a, b, any] = [1, 2, 0];
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    any |= word;
    a = mix(a, word);
    b = Math.imul((b << 5) ^ (b >>> 27) ^ word, 0x9e3779b1);
  }
  // Zeros are one object, so that they are told at once.
  return any === 0 ? ZERO_SECTOR : { bytes, a, b: mix(b, 3) };
}

/** Brings a value into a hash of 32 bits. */
export function mix(hash: number, value: number): number {
  let mixed = Math.imul(hash ^ value, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
