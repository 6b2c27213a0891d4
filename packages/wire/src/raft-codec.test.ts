import { isDisterError, type RaftMessage } from "@dister/types";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeRaftMessage, encodeRaftFrame, encodeRaftMessage, raftMessageBytes } from "./raft-codec.ts";

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ""), "hex"));
const show = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const T7 = "0000000000000007";

/** The vectors of docs/formats/message.md, written by hand. */
const VECTORS: readonly [RaftMessage, string][] = [
  [
    { type: "vote", term: 7, pre: true, last: { index: 5, term: 3 }, transfer: false },
    `01 01 ${T7} 0000000000000005 0000000000000003`,
  ],
  [{ type: "voteReply", term: 7, pre: false, granted: true, asked: 8 }, `02 02 ${T7} 0000000000000008`],
  [
    {
      type: "append",
      term: 7,
      prev: { index: 8, term: 3 },
      entries: [
        { index: 9, term: 7, r: 9_999, kind: 0, payload: Uint8Array.of(0xca, 0xfe) },
        { index: 10, term: 7, r: 0, kind: 1, payload: new Uint8Array(0) },
      ],
      commit: 6,
    },
    `03 00 ${T7} 0000000000000008 0000000000000003 0000000000000006 00000002
     ${T7} 270f 00 00000002 cafe  ${T7} 0000 01 00000000`,
  ],
  [
    { type: "appendReply", term: 7, ok: false, index: 8, hint: { index: 4, term: 2 } },
    `04 00 ${T7} 0000000000000008 0000000000000004 0000000000000002`,
  ],
  [
    { type: "appendReply", term: 7, ok: true, index: 10, hint: { index: 0, term: 0 } },
    `04 01 ${T7} 000000000000000a 0000000000000000 0000000000000000`,
  ],
  [{ type: "heartbeat", term: 7, commit: 4_294_967_297, round: 0 }, `05 00 ${T7} 0000000100000001 0000000000000000`],
  [{ type: "heartbeatReply", term: Number.MAX_SAFE_INTEGER, round: 1 }, "06 00 001fffffffffffff 0000000000000001"],
  [
    { type: "suspectReply", term: 7, matched: 0, hint: { index: 4, term: 2 } },
    `0d 00 ${T7} 0000000000000000 0000000000000004 0000000000000002`,
  ],
  [{ type: "readIndex", term: 7, id: 258 }, `07 00 ${T7} 0000000000000102`],
  [{ type: "readIndexReply", term: 7, id: 258, index: 9 }, `08 00 ${T7} 0000000000000102 0000000000000009`],
  [{ type: "readIndexReply", term: 7, id: 258, index: -1 }, `08 01 ${T7} 0000000000000102 0000000000000000`],
  [{ type: "timeoutNow", term: 7 }, `09 00 ${T7}`],
  [{ type: "compare", term: 0, round: 1 }, "0a 00 0000000000000000 0000000000000001"],
  [
    {
      type: "compareReply",
      term: 7,
      round: 1,
      last: { index: 5, term: 3 },
      scoreCount: 2,
      score: 815,
      leaderAlive: true,
    },
    `0b 01 ${T7} 0000000000000001 0000000000000005 0000000000000003 0000000000000002 000000000000032f`,
  ],
  [{ type: "stand", term: 7 }, `0c 00 ${T7}`],
];

function reason(bytes: Uint8Array): string {
  try {
    decodeRaftMessage(bytes);
  } catch (error) {
    if (!isDisterError(error, "DISTER_ERR_MESSAGE")) throw error;
    return error.message;
  }
  return "taken";
}

describe("golden vectors", () => {
  test.each(VECTORS)("%o is written and read as the document says", (message, text) => {
    expect(show(encodeRaftMessage(message))).toBe(show(hex(text)));
    expect(decodeRaftMessage(hex(text))).toEqual(message);
    expect(show(encodeRaftFrame(message)).slice(40)).toBe(show(hex(text)));
  });

  test.each(VECTORS)("every shorter form of %o is refused, and a longer one too", (_message, text) => {
    const whole = hex(text);
    for (let length = 0; length < whole.length; length++) {
      expect(reason(whole.subarray(0, length))).not.toBe("taken");
    }
    expect(reason(hex(`${text} 00`))).toContain("too many");
  });

  test.each(VECTORS)("a bit that is not in use is refused in %o", (_message, text) => {
    const bytes = hex(text);
    bytes[1]! |= 0x80;
    expect(reason(bytes)).toContain("bits");
  });
});

describe("one rule, one rejection", () => {
  const append = (count: string, entries: string): Uint8Array =>
    hex(`03 00 ${T7} 0000000000000008 0000000000000003 0000000000000006 ${count} ${entries}`);
  const cases: [string, Uint8Array, string][] = [
    ["type 0", hex(`00 00 ${T7}`), "type 0"],
    ["an unknown type", hex(`0e 00 ${T7}`), "type 14"],
    ["a number above 2^53-1", hex("09 00 0020000000000000"), "above 2^53-1"],
    ["a refused read index with an index", hex(`08 01 ${T7} 0000000000000001 0000000000000001`), "carries an index"],
    ["more entries than there are bytes", append("00000002", `${T7} 0000 00 00000000`), "do not fit"],
    ["more entries than are allowed", append("00001001", ""), "above 4096"],
    ["2^32-1 entries", append("ffffffff", ""), "above 4096"],
    ["an entry of term 0", append("00000001", "0000000000000000 0000 00 00000000"), "term 0"],
    ["an entry with r 10000", append("00000001", `${T7} 2710 00 00000000`), "10000"],
    ["an entry of an unknown kind", append("00000001", `${T7} 0000 03 00000000`), "kind 3"],
    ["a payload above the limit", append("00000001", `${T7} 0000 00 00700001`), "7340033"],
    ["a payload longer than the message", append("00000001", `${T7} 0000 00 00000002 ff`), "too early"],
    [
      "an index above 2^53-1",
      hex(`03 00 ${T7} 001fffffffffffff 0000000000000003 0000000000000006 00000001 ${T7} 0000 00 00000000`),
      "index is above",
    ],
  ];
  test.each(cases)("X1: %s", (_name, bytes, wanted) => {
    expect(reason(bytes)).toContain(wanted);
  });

  test.each([-1, 0.5, Number.NaN, 2 ** 53, Number.POSITIVE_INFINITY])("encoding %d as a number is refused", (term) => {
    expect(() => encodeRaftMessage({ type: "stand", term })).toThrow(
      expect.objectContaining({ code: "DISTER_ERR_MESSAGE" }),
    );
  });

  test("a gap in the entries is a broken invariant, not a message", () => {
    const entries = [{ index: 3, term: 1, r: 0, kind: 0, payload: new Uint8Array(0) } as const];
    const message: RaftMessage = { type: "append", term: 1, prev: { index: 1, term: 1 }, entries, commit: 0 };
    expect(() => encodeRaftMessage(message)).toThrow("invariant");
  });
});

describe("memory", () => {
  test("payloads are copied when written and views when read", () => {
    const payload = Uint8Array.of(1, 2, 3);
    const entries = [{ index: 1, term: 1, r: 0, kind: 0, payload } as const];
    const bytes = encodeRaftMessage({ type: "append", term: 1, prev: { index: 0, term: 0 }, entries, commit: 0 });
    payload.fill(9);
    const read = decodeRaftMessage(bytes);
    expect(read.type === "append" && [...read.entries[0]!.payload]).toEqual([1, 2, 3]);
    expect(read.type === "append" && read.entries[0]!.payload.buffer).toBe(bytes.buffer);
  });
});

const number = fc.oneof(fc.maxSafeNat(), fc.nat(300), fc.constantFrom(0, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1));
const position = fc.record({ index: number, term: number });
const entryBody = fc.record({
  term: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  r: fc.integer({ min: 0, max: 9_999 }),
  kind: fc.constantFrom(0 as const, 1 as const, 2 as const),
  payload: fc.uint8Array({ maxLength: 40 }),
});
const appendMessage = fc
  .record({
    term: number,
    prev: fc.record({ index: fc.nat(2 ** 30), term: number }),
    bodies: fc.array(entryBody, { maxLength: 5 }),
    commit: number,
  })
  .map(({ bodies, ...rest }): RaftMessage => {
    const entries = bodies.map((body, at) => ({ index: rest.prev.index + 1 + at, ...body }));
    return { type: "append", ...rest, entries };
  });
const flag = fc.boolean();
const message: fc.Arbitrary<RaftMessage> = fc.oneof(
  appendMessage,
  fc.record({ type: fc.constant("vote" as const), term: number, pre: flag, last: position, transfer: flag }),
  fc.record({ type: fc.constant("voteReply" as const), term: number, pre: flag, granted: flag, asked: number }),
  fc.record({ type: fc.constant("appendReply" as const), term: number, ok: flag, index: number, hint: position }),
  fc.record({ type: fc.constant("heartbeat" as const), term: number, commit: number, round: number }),
  fc.record({ type: fc.constant("heartbeatReply" as const), term: number, round: number }),
  fc.record({ type: fc.constant("suspectReply" as const), term: number, matched: number, hint: position }),
  fc.record({ type: fc.constant("readIndex" as const), term: number, id: number }),
  fc.record({
    type: fc.constant("readIndexReply" as const),
    term: number,
    id: number,
    index: fc.oneof(number, fc.constant(-1)),
  }),
  fc.record({ type: fc.constantFrom("timeoutNow" as const, "stand" as const), term: number }),
  fc.record({ type: fc.constant("compare" as const), term: number, round: number }),
  fc.record({
    type: fc.constant("compareReply" as const),
    term: number,
    round: number,
    last: position,
    scoreCount: number,
    score: number,
    leaderAlive: flag,
  }),
);

describe("properties", () => {
  test("every message comes back as it was, in exactly the bytes that were measured", () => {
    fc.assert(
      fc.property(message, (given) => {
        const bytes = encodeRaftMessage(given);
        expect(bytes.length).toBe(raftMessageBytes(given));
        expect(decodeRaftMessage(bytes)).toEqual(given);
      }),
      { numRuns: 500 },
    );
  });

  test("X1: random bytes and mutated messages throw nothing but a message error, and what is taken is canonical", () => {
    const mutated = fc.tuple(message, fc.nat(), fc.nat(255)).map(([given, at, byte]) => {
      const bytes = encodeRaftMessage(given);
      bytes[at % bytes.length] = byte;
      return Uint8Array.from(bytes);
    });
    fc.assert(
      fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 120 })), (bytes) => {
        if (reason(bytes) === "taken") expect(show(encodeRaftMessage(decodeRaftMessage(bytes)))).toBe(show(bytes));
      }),
      { numRuns: 3_000 },
    );
  });
});
