import type { RecordHeader } from "./record.ts";
import type { RecordWindow } from "./record-window.ts";

/** A place in the chain of a file: the offset behind a record and that record's CRC. */
export interface ChainPoint {
  readonly offset: number;
  readonly crc: number;
}

/** Where a chain does not go on, and why. */
export interface ChainStop extends ChainPoint {
  readonly reason: "end" | "zero" | "damaged" | "unchained";
  /** Header of the record that is damaged or not chained, where it can be read. */
  readonly header: RecordHeader | undefined;
}

/**
 * Follows the chain from a trusted point and shows each record that is intact, at its own offset and chained.
 * @param visit - gets the record's header, its payload and the offset behind it; returning true ends the scan there.
 */
export function scanChain(
  window: RecordWindow,
  from: ChainPoint,
  visit: (header: RecordHeader, payload: Uint8Array, end: number) => boolean,
): ChainStop {
  let { offset, crc } = from;
  for (;;) {
    const found = window.recordAt(offset);
    if (found.state === "zero") return { offset, crc, reason: "zero", header: undefined };
    if (found.state === "damaged") return { offset, crc, reason: "damaged", header: found.header };
    if (found.state === "misplaced" || found.header.previousCrc !== crc) {
      return { offset, crc, reason: "unchained", header: found.header };
    }
    const ended = visit(found.header, found.payload, found.end);
    offset = found.end;
    crc = found.header.crc;
    if (ended) return { offset, crc, reason: "end", header: undefined };
  }
}
