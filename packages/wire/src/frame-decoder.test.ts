import { crc32 } from "node:zlib";
import { type DisterError, isDisterError, LIMITS } from "@dister/types";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeFrame, FRAME_KIND, type Frame, type FrameHead } from "./frame.ts";
import { FrameDecoder } from "./frame-decoder.ts";

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ""), "hex"));

/** The vectors of docs/formats/frame.md, written by hand; their checksums come from another implementation. */
const VECTORS: readonly { name: string; bytes: Uint8Array; head: FrameHead; body: Uint8Array }[] = [
  {
    name: "ping, an empty body",
    bytes: hex("44535452 01 0d 0000 00000000 00000000 8e50b8b7"),
    head: { kind: FRAME_KIND.ping },
    body: hex(""),
  },
  {
    name: "call 7 of the method hi",
    bytes: hex("44535452 01 06 0000 00000004 00000007 9edfb376 02 6869 ff"),
    head: { kind: FRAME_KIND.call, correlation: 7 },
    body: hex("026869ff"),
  },
  {
    name: "a heartbeat",
    bytes: hex(
      "44535452 01 05 0000 0000001a 00000000 a9fb9d58 05 00 0000000000000007 0000000100000001 0000000000000000",
    ),
    head: { kind: FRAME_KIND.raft },
    body: hex("05 00 0000000000000007 0000000100000001 0000000000000000"),
  },
];
const ALL = Buffer.concat(VECTORS.map(({ bytes }) => bytes));

function plain({ kind, flags, correlation, body }: Frame): unknown {
  return { kind, flags, correlation, body: Buffer.from(body).toString("hex") };
}

const WANTED = VECTORS.map(({ head, body }) => plain({ flags: 0, correlation: 0, ...head, body }));

function rejected(bytes: Uint8Array, options?: ConstructorParameters<typeof FrameDecoder>[0]): string {
  try {
    new FrameDecoder(options).push(bytes);
  } catch (error) {
    expect(isDisterError(error, "DISTER_ERR_FRAME")).toBe(true);
    return (error as DisterError).message;
  }
  return "taken";
}

/** A frame with any header fields and a checksum that fits. */
function forged(fields: {
  kind?: number;
  flags?: number;
  length?: number;
  correlation?: number;
  body?: string;
}): Uint8Array {
  const body = hex(fields.body ?? "");
  const head = Buffer.alloc(20);
  head.write("DSTR", 0, "latin1");
  head[4] = 1;
  head[5] = fields.kind ?? FRAME_KIND.ping;
  head.writeUInt16BE(fields.flags ?? 0, 6);
  head.writeUInt32BE(fields.length ?? body.length, 8);
  head.writeUInt32BE(fields.correlation ?? 0, 12);
  head.writeUInt32BE(crc32(body, crc32(head.subarray(0, 16))), 16);
  return Buffer.concat([head, body]);
}

describe("golden vectors", () => {
  test.each(VECTORS)("$name is written as the document says", ({ bytes, head, body }) => {
    expect(Buffer.from(encodeFrame(head, body)).toString("hex")).toBe(Buffer.from(bytes).toString("hex"));
  });

  test("all of them are read from one chunk", () => {
    expect(new FrameDecoder().push(ALL).map(plain)).toEqual(WANTED);
  });

  test("they are read when split at every byte, and at every pair of bytes", () => {
    for (let first = 0; first <= ALL.length; first++) {
      for (let second = first; second <= ALL.length; second++) {
        const decoder = new FrameDecoder();
        const parts = [ALL.subarray(0, first), ALL.subarray(first, second), ALL.subarray(second)];
        expect(parts.flatMap((part) => decoder.push(part)).map(plain)).toEqual(WANTED);
      }
    }
  });

  test("they are read byte by byte", () => {
    const decoder = new FrameDecoder();
    expect([...ALL].flatMap((byte) => decoder.push(Uint8Array.of(byte))).map(plain)).toEqual(WANTED);
  });
});

describe("one rule, one rejection", () => {
  const cases: [string, Uint8Array, string][] = [
    ["another magic", hex("44535453 01 0d 0000 00000000 00000000 8e50b8b7"), "begin with DSTR"],
    ["an unknown version", hex("44535452 02 0d 0000 00000000 00000000 8e50b8b7"), "version 2"],
    ["kind 0", forged({ kind: 0 }), "kind 0"],
    ["an unknown kind", forged({ kind: 16 }), "kind 16"],
    ["a flag that does not exist", forged({ kind: FRAME_KIND.msg, flags: 2 }), "flags 2"],
    ["compression where it is not allowed", forged({ kind: FRAME_KIND.raft, flags: 1 }), "flags 1"],
    ["a length of 2^32-1", forged({ length: 0xffff_ffff }), "4294967295 bytes"],
    ["a length just above the limit", forged({ length: LIMITS.frameBytesMax + 1 }), "16777217 bytes"],
    ["a call without a number", forged({ kind: FRAME_KIND.call, correlation: 0 }), "correlation 0"],
    ["a number where none belongs", forged({ kind: FRAME_KIND.raft, correlation: 1 }), "correlation 1"],
    ["a wrong checksum", hex("44535452 01 0d 0000 00000000 00000000 8e50b8b6"), "checksum"],
  ];
  test.each(cases)("X1: %s", (_name, bytes, reason) => {
    expect(rejected(bytes)).toContain(reason);
  });

  test("X1: the limit in force before the handshake is the smaller one", () => {
    expect(rejected(forged({ length: 4097 }), { bodyBytesMax: 4096 })).toContain("above the limit of 4096");
    expect(rejected(forged({ length: 4096 }), { bodyBytesMax: 4096 })).toBe("taken");
  });

  test("X1: every flipped bit of a frame is noticed or leaves it incomplete", () => {
    for (const { bytes } of VECTORS) {
      for (let bit = 0; bit < bytes.length * 8; bit++) {
        const damaged = Uint8Array.from(bytes);
        damaged[bit >> 3]! ^= 1 << (bit & 7);
        const decoder = new FrameDecoder();
        let frames: Frame[] = [];
        try {
          frames = decoder.push(damaged);
        } catch (error) {
          expect(isDisterError(error, "DISTER_ERR_FRAME")).toBe(true);
        }
        expect(frames).toEqual([]);
      }
    }
  });

  test("a decoder that has failed stays dead and tells the same error", () => {
    const decoder = new FrameDecoder();
    expect(() => decoder.push(forged({ kind: 99 }))).toThrow("kind 99");
    expect(() => decoder.push(VECTORS[0]!.bytes)).toThrow("kind 99");
    expect(() => decoder.next()).toThrow("kind 99");
  });

  test("encoding a body above the limit is refused", () => {
    const body = new Uint8Array(LIMITS.frameBytesMax + 1);
    expect(() => encodeFrame({ kind: FRAME_KIND.msg }, body)).toThrow(
      expect.objectContaining({ code: "DISTER_ERR_TOO_LARGE" }),
    );
  });
});

describe("memory", () => {
  test("the body of a whole frame is a view of the chunk", () => {
    const chunk = Uint8Array.from(VECTORS[1]!.bytes);
    const [frame] = new FrameDecoder().push(chunk);
    expect(frame!.body.buffer).toBe(chunk.buffer);
  });

  test("X1: a claimed length allocates nothing: the carry buffer grows with what arrives", () => {
    const before = process.memoryUsage().arrayBuffers;
    const decoders = Array.from({ length: 64 }, () => {
      const decoder = new FrameDecoder();
      decoder.push(forged({ length: LIMITS.frameBytesMax }));
      return decoder;
    });
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(LIMITS.frameBytesMax);
    expect(decoders.length).toBe(64);
  });

  test("frames are taken one by one, and what is behind the last is still there", () => {
    const decoder = new FrameDecoder({ bodyBytesMax: 0 });
    decoder.feed(ALL);
    expect(decoder.next()?.kind).toBe(FRAME_KIND.ping);
    expect(decoder.rest.length).toBe(ALL.length - 20);
    decoder.bodyBytesMax = 100;
    expect(decoder.next()?.kind).toBe(FRAME_KIND.call);
    decoder.feed(VECTORS[0]!.bytes);
    expect([decoder.next()?.kind, decoder.next()?.kind, decoder.next()]).toEqual([5, 13, undefined]);
  });
});

describe("properties", () => {
  const head: fc.Arbitrary<FrameHead> = fc.oneof(
    fc.record({ kind: fc.constantFrom(1, 2, 3, 5, 9, 10, 11, 12, 13, 14) }),
    fc.record({ kind: fc.constant(4), flags: fc.constantFrom(0, 1) }),
    fc.record({ kind: fc.constantFrom(6, 7, 8), correlation: fc.integer({ min: 1, max: 0xffff_ffff }) }),
  ) as fc.Arbitrary<FrameHead>;

  test("any frames, cut anywhere, come back as they were", () => {
    const frames = fc.array(fc.tuple(head, fc.uint8Array({ maxLength: 300 })), { maxLength: 6 });
    fc.assert(
      fc.property(frames, fc.array(fc.nat(2_000), { maxLength: 8 }), (list, cuts) => {
        const bytes = Buffer.concat(list.map(([of, body]) => encodeFrame(of, body)));
        const decoder = new FrameDecoder();
        const ends = [...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length];
        let start = 0;
        const got = ends.flatMap((end) => {
          const part = decoder.push(bytes.subarray(start, end));
          start = end;
          return part;
        });
        const wanted = list.map(([of, body]) => plain({ flags: 0, correlation: 0, ...of, body }));
        expect(got.map(plain)).toEqual(wanted);
      }),
    );
  });

  test("X1: random bytes, also behind a good beginning, throw nothing but a frame error", () => {
    const start = fc.constantFrom(hex(""), hex("44535452"), hex("4453545201"), VECTORS[1]!.bytes.subarray(0, 12));
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 200 }), fc.uint8Array({ maxLength: 50 }), (good, one, two) => {
        const decoder = new FrameDecoder();
        try {
          decoder.push(Buffer.concat([good, one]));
          decoder.push(two);
        } catch (error) {
          expect(isDisterError(error, "DISTER_ERR_FRAME")).toBe(true);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
