import { describe, expect, test } from "vitest";
import { decodeFileHeader, encodeFileHeader, type FileHeader } from "./file-header.ts";
import { checkHardState, decodeHardState, encodeHardState } from "./hard-state.ts";
import { viewOf } from "./item.ts";
import {
  decodeHeader,
  encodeRecord,
  payloadAgrees,
  RECORD_HEADER_BYTES,
  RECORD_KIND,
  type RecordFields,
} from "./record.ts";

// These bytes stand in docs/formats as well; the checksums are those of any other CRC-32.
const ENTRY =
  "444c5201400004d200000005a1b2c3d4000000000000000700000000000000030000000000" +
  "98a1f0000000000098a10000000000000000066e07cfd91f94758f68656c6c6f";
const HARD_STATE =
  "444c520140100000000000206e07cfd900000000000000070000000000000005000000000098a235" +
  "000000000098a1000000000000000006a32ec70e44af0336" +
  "0000000000000005000000000000002900000000000000ab0100000000000000";
const FILE_HEADER =
  "444c520140120000000000541122334400000000000f42400000000000000009000000000098a000" +
  "000000000098a00000000000000f42409977fd2dc41c1808" +
  "00010000000f4240000000000098a00000000000000f42410000000000000009" +
  "000000000000000200000000000000010000000000a037a0" +
  "0123456789abcdef00000000000000c1000400000000000070726f64";

const ENTRY_FIELDS: RecordFields = {
  kind: RECORD_KIND.command,
  r: 1234,
  previousCrc: 0xa1b2c3d4,
  index: 7,
  term: 3,
  start: 0x98a1f0,
  syncedEnd: 0x98a100,
  syncedIndex: 6,
};
const HEADER: FileHeader = {
  group: "prod",
  nodeId: "0123456789ABCDEF",
  clusterId: "00000000000000C1",
  entriesPerFile: 1_000_000,
  dataOffset: 10_002_432,
  baseIndex: 1_000_001,
  baseTerm: 9,
  generation: 2,
  previousBaseIndex: 1,
  previousEnd: 10_500_000,
};

function encoded(fields: RecordFields, payload: Uint8Array): { bytes: Buffer; crc: number } {
  const bytes = Buffer.alloc(RECORD_HEADER_BYTES + payload.length);
  return { crc: encodeRecord({ bytes, view: viewOf(bytes) }, 0, fields, payload), bytes };
}

function decoded(bytes: Uint8Array): ReturnType<typeof decodeHeader> {
  return decodeHeader(bytes, viewOf(bytes), 0);
}

describe("record", () => {
  test("an entry has exactly these bytes", () => {
    const { bytes, crc } = encoded(ENTRY_FIELDS, Buffer.from("hello"));
    expect(bytes.toString("hex")).toBe(ENTRY);
    expect(crc).toBe(0x6e07cfd9);
    const header = decoded(bytes)!;
    expect(header).toEqual({ ...ENTRY_FIELDS, payloadLength: 5, crc });
    expect(payloadAgrees(header, bytes, viewOf(bytes), 0)).toBe(true);
  });

  test("a hard state has exactly these bytes, and names the CRC of the entry before it", () => {
    const hardState = { term: 5, vote: "00000000000000AB", commit: 41 };
    const fields = { ...ENTRY_FIELDS, kind: RECORD_KIND.hardState, r: 0, previousCrc: 0x6e07cfd9, term: 5 };
    const { bytes } = encoded({ ...fields, start: 0x98a235 }, encodeHardState(hardState));
    expect(bytes.toString("hex")).toBe(HARD_STATE);
    expect(decodeHardState(bytes.subarray(RECORD_HEADER_BYTES))).toEqual(hardState);
  });

  test("a file header has exactly these bytes", () => {
    const { dataOffset } = HEADER;
    const fields: RecordFields = {
      kind: RECORD_KIND.fileHeader,
      r: 0,
      previousCrc: 0x11223344,
      index: 1_000_000,
      term: 9,
      start: dataOffset,
      syncedEnd: dataOffset,
      syncedIndex: 1_000_000,
    };
    const { bytes } = encoded(fields, encodeFileHeader(HEADER));
    expect(bytes.toString("hex")).toBe(FILE_HEADER);
    expect(decodeFileHeader(bytes.subarray(RECORD_HEADER_BYTES))).toEqual(HEADER);
  });

  test("a changed bit anywhere is noticed, in the header by the header alone", () => {
    const sound = Buffer.from(ENTRY, "hex");
    for (let bit = 0; bit < sound.length * 8; bit++) {
      const bytes = Buffer.from(sound);
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      const header = decoded(bytes);
      // The CRC of the whole is not part of what the header's own covers: nobody needs it to find the payload's end.
      const isCrc = bit >= 56 * 8 && bit < 60 * 8;
      if (bit < RECORD_HEADER_BYTES * 8 && !isCrc) expect(header, `bit ${bit}`).toBeUndefined();
      else if (header === undefined) expect.fail(`bit ${bit}`);
      else expect(payloadAgrees(header, bytes, viewOf(bytes), 0), `bit ${bit}`).toBe(false);
    }
  });

  test("a header that ends too early is none", () => {
    expect(decoded(Buffer.from(ENTRY, "hex").subarray(0, RECORD_HEADER_BYTES - 1))).toBeUndefined();
  });

  test("numbers of 53 bits come back", () => {
    const index = Number.MAX_SAFE_INTEGER;
    expect(decoded(encoded({ ...ENTRY_FIELDS, index }, new Uint8Array(0)).bytes)?.index).toBe(index);
    expect(() => encoded({ ...ENTRY_FIELDS, index: 2 ** 53 }, new Uint8Array(0))).toThrow("is a whole number");
  });
});

describe("hard state", () => {
  test("no vote is kept apart from a vote for the node of all zeros", () => {
    for (const vote of [null, "0000000000000000"]) {
      expect(decodeHardState(encodeHardState({ term: 1, vote, commit: 0 }))?.vote).toBe(vote);
    }
  });

  test("bytes of another length or with another mark are none", () => {
    const bytes = encodeHardState({ term: 1, vote: null, commit: 0 });
    expect(decodeHardState(bytes.subarray(0, 31))).toBeUndefined();
    bytes[24] = 2;
    expect(decodeHardState(bytes)).toBeUndefined();
  });

  test("what could not be written is refused", () => {
    for (const wrong of [{ vote: "me" }, { term: -1 }, { commit: 0.5 }]) {
      expect(() => checkHardState({ term: 1, vote: null, commit: 0, ...wrong })).toThrow("allowed is");
    }
  });
});

describe("file header", () => {
  test("an unknown version, a wrong length and contradicting fields are refused with a reason", () => {
    const change = (at: number, value: number): Uint8Array => {
      const bytes = encodeFileHeader(HEADER);
      bytes[at] = value;
      return bytes;
    };
    expect(decodeFileHeader(change(1, 2))).toBe("format version 2 is unknown, this program reads 1");
    expect(decodeFileHeader(change(73, 5))).toBe("the file header has a wrong length");
    expect(decodeFileHeader(change(15, 1))).toBe("the fields of the file header contradict each other");
    expect(decodeFileHeader(encodeFileHeader(HEADER).subarray(0, 79))).toBe("the file header is too short");
    expect(decodeFileHeader(encodeFileHeader({ ...HEADER, baseIndex: 0 }))).toContain("contradict");
  });

  test("a node without a cluster has an empty cluster id", () => {
    expect(decodeFileHeader(encodeFileHeader({ ...HEADER, clusterId: "" }))).toMatchObject({ clusterId: "" });
  });
});
