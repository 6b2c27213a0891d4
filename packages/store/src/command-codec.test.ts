import { type Command, LIMITS, type ServiceConfig, type StampedCommand } from "@dister/types";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeCommand, encodeCommand } from "./command-codec.ts";

// 1,790,000,000,000 ms = 0x01a0c4506c00; written by hand, the same bytes stand in docs/formats/command.md.
const TIME_MS = 1_790_000_000_000;
const TIME = "01a0c4506c00";

const GOLDEN: readonly [name: string, hex: string, command: Command][] = [
  [
    "kvSet",
    `01 01 ${TIME} 02 7231  02  01 61 01 31  02 c3a9 00`,
    {
      type: "kvSet",
      pairs: [
        ["a", "1"],
        ["é", ""],
      ],
    },
  ],
  [
    "kvDelete",
    `01 02 ${TIME} 02 7231  01  09 5f5f70726f746f5f5f`,
    {
      type: "kvDelete",
      keys: ["__proto__"],
    },
  ],
  [
    "serviceSet",
    // {"name":"s","type":"tcp","node":[{"host":"h","status":0}]}
    `01 03 ${TIME} 02 7231  01  3a 7b226e616d65223a2273222c2274797065223a22746370222c226e6f6465223a5b7b22686f7374223a2268222c22737461747573223a307d5d7d`,
    {
      type: "serviceSet",
      services: [{ name: "s", type: "tcp", node: [{ host: "h", status: 0 }] } as ServiceConfig],
    },
  ],
  ["serviceDelete", `01 04 ${TIME} 02 7231  01  03 776562`, { type: "serviceDelete", names: ["web"] }],
  [
    "serviceStatus",
    // definedIndex 300 = 0b10_0101100: ac 02
    `01 05 ${TIME} 02 7231  01  03 776562 ac02 07 01`,
    { type: "serviceStatus", changes: [{ service: "web", definedIndex: 300, node: 7, status: 1 }] },
  ],
];

const bytesOf = (hex: string) => Buffer.from(hex.replaceAll(" ", ""), "hex");
const refused = (hex: string) => () => decodeCommand(bytesOf(hex));
const refusal = (reason: string | RegExp) =>
  expect.objectContaining({ code: "DISTER_ERR_COMMAND", message: expect.stringMatching(reason) });

describe("golden bytes", () => {
  for (const [name, hex, command] of GOLDEN) {
    test(`of ${name}, in both directions`, () => {
      const stamped = { requestId: "r1", timeMs: TIME_MS, command };
      expect(Buffer.from(encodeCommand(stamped)).toString("hex")).toBe(hex.replaceAll(" ", ""));
      expect(decodeCommand(bytesOf(hex))).toEqual(stamped);
    });

    test(`of ${name}, cut anywhere, are refused`, () => {
      const bytes = bytesOf(hex);
      for (let length = 0; length < bytes.length; length++) {
        expect(() => decodeCommand(bytes.subarray(0, length)), `${length} bytes`).toThrow(refusal(/./));
      }
    });
  }
});

describe("decodeCommand refuses", () => {
  test("a version it does not know", () => {
    expect(refused(`02 02 ${TIME} 02 7231 00`)).toThrow(refusal("unknown version 2"));
  });

  test("a type it does not know", () => {
    expect(refused(`01 00 ${TIME} 02 7231 00`)).toThrow(refusal("unknown type 0"));
    expect(refused(`01 06 ${TIME} 02 7231 00`)).toThrow(refusal("unknown type 6"));
  });

  test("bytes behind the last field", () => {
    expect(refused(`01 02 ${TIME} 02 7231 00 00`)).toThrow(refusal("1 bytes too many"));
  });

  test("a number with leading zeros or beyond 2^53 - 1", () => {
    expect(refused(`01 02 ${TIME} 02 7231 8000`)).toThrow(refusal("leading zeros"));
    expect(refused(`01 05 ${TIME} 02 7231 01 01 61 ffffffffffffff7f 00 00`)).toThrow(refusal("where at most"));
    expect(refused(`01 05 ${TIME} 02 7231 01 01 61 ffffffffffffffff01 00 00`)).toThrow(refusal("too many bytes"));
  });

  test("text that is not UTF-8, while U+FFFD itself is a character like any other", () => {
    for (const broken of ["01 ff", "02 c3c3", "03 eda080", "02 c080", "03 f09f98"]) {
      expect(refused(`01 02 ${TIME} 02 7231 01 ${broken}`), broken).toThrow(refusal("not UTF-8"));
    }
    expect(decodeCommand(bytesOf(`01 02 ${TIME} 02 7231 01 03 efbfbd`)).command).toEqual({
      type: "kvDelete",
      keys: ["\uFFFD"],
    });
  });

  test("an empty or too long request id, and an empty key", () => {
    expect(refused(`01 02 ${TIME} 00 00`)).toThrow(refusal("request id of 0"));
    expect(refused(`01 02 ${TIME} 8101 ${"61".repeat(129)} 00`)).toThrow(refusal("request id of 129"));
    expect(refused(`01 02 ${TIME} 02 7231 01 00`)).toThrow(refusal("empty text"));
    expect(refused(`01 01 ${TIME} 02 7231 01 00 00`)).toThrow(refusal("empty text"));
    expect(refused(`01 04 ${TIME} 02 7231 01 00`)).toThrow(refusal("empty text"));
  });

  test("a key of 1025 bytes and more than 10,000 keys", () => {
    expect(refused(`01 02 ${TIME} 02 7231 01 8108 ${"61".repeat(1025)}`)).toThrow(refusal("1025 where at most 1024"));
    expect(refused(`01 02 ${TIME} 02 7231 914e`)).toThrow(refusal("10001 where at most 10000"));
  });

  test("a status that is neither 0 nor 1, and a node beyond the largest service", () => {
    expect(refused(`01 05 ${TIME} 02 7231 01 01 61 01 00 02`)).toThrow(refusal("status 2"));
    expect(refused(`01 05 ${TIME} 02 7231 01 01 61 01 904e 00`)).toThrow(refusal("10000 where at most 9999"));
  });

  test("a service that is not JSON, of unknown shape, or written in another form", () => {
    const withService = (json: string) => {
      const bytes = Buffer.from(json);
      return `01 03 ${TIME} 02 7231 01 ${Buffer.of(bytes.length).toString("hex")} ${bytes.toString("hex")}`;
    };
    expect(refused(withService("{"))).toThrow(refusal("not JSON"));
    const shapes = [
      "[]",
      "null",
      `{"name":"s","type":"tcp"}`,
      `{"name":"s","type":"tcp","node":{}}`,
      `{"name":"","type":"tcp","node":[]}`,
      `{"name":"s","type":"tcp","node":[],"more":1}`,
      `{"name":"s","type":"tcp","node":[{"host":"h"}]}`,
      `{"name":"s","type":"tcp","node":[{"host":1,"status":0}]}`,
      `{"name":"s","type":"tcp","node":[{"status":2}]}`,
      `{"name":"\\ud800","type":"tcp","node":[]}`,
    ];
    for (const json of shapes) expect(refused(withService(json)), json).toThrow(refusal("unknown shape"));
    expect(refused(withService(`{"name":"s","type":"tcp","node":[] }`))).toThrow(refusal("another form"));
  });
});

describe("encodeCommand refuses what would stop the nodes", () => {
  const encode = (command: Command, given: Partial<StampedCommand> = {}) =>
    expect(() => encodeCommand({ requestId: "r1", timeMs: 1, command, ...given }));
  const nothing: Command = { type: "kvDelete", keys: [] };

  test("request ids, times and keys out of their limits", () => {
    encode(nothing, { requestId: "" }).toThrow(refusal("request id"));
    encode(nothing, { requestId: "x".repeat(129) }).toThrow(refusal("request id"));
    encode(nothing, { timeMs: -1 }).toThrow(refusal("not a time"));
    encode(nothing, { timeMs: 1.5 }).toThrow(refusal("not a time"));
    encode({ type: "kvDelete", keys: [""] }).toThrow(refusal("0 bytes"));
    encode({ type: "kvDelete", keys: ["é".repeat(513)] }).toThrow(refusal("1026 bytes"));
    encode({ type: "kvDelete", keys: new Array(10_001).fill("a") }).toThrow(refusal("10001"));
  });

  test("text that UTF-8 cannot carry", () => {
    encode({ type: "kvSet", pairs: [["a", "\uD800"]] }).toThrow(refusal("surrogate"));
    encode({ type: "kvDelete", keys: ["\uDC00a"] }).toThrow(refusal("surrogate"));
    encode(nothing, { requestId: "\uD800" }).toThrow(refusal("surrogate"));
  });

  test("a value of one byte too many, but not one of the largest size", () => {
    const largest = "x".repeat(LIMITS.valueBytesMax);
    const stamped: StampedCommand = {
      requestId: "r",
      timeMs: 1,
      command: { type: "kvSet", pairs: [["k".repeat(LIMITS.keyBytesMax), largest]] },
    };
    expect(decodeCommand(encodeCommand(stamped))).toEqual(stamped);
    encode({ type: "kvSet", pairs: [["k", `${largest}x`]] }).toThrow(refusal("1048577 bytes"));
  });

  test("a command that is larger than an entry", () => {
    const value = "x".repeat(LIMITS.valueBytesMax);
    const pairs = Array.from({ length: 7 }, (_, at) => [`k${at}`, value] as const);
    encode({ type: "kvSet", pairs }).toThrow(expect.objectContaining({ code: "DISTER_ERR_TOO_LARGE" }));
  });
});

const text = (maxLength: number) => fc.string({ unit: "binary", minLength: 1, maxLength });
const name = fc.constantFrom("__proto__", "constructor", "web", "é:1");
const node = fc
  .dictionary(fc.constantFrom("host", "port", "__proto__", "pass", "1"), fc.string(), { noNullPrototype: true })
  .chain((fields) => fc.constantFrom(0, 1).map((status) => ({ ...fields, status })));
const service = fc.record({ name, type: fc.constantFrom("tcp", "web"), node: fc.array(node, { maxLength: 3 }) });
const whole = fc.maxSafeNat();
const command: fc.Arbitrary<Command> = fc.oneof(
  fc.record({ type: fc.constant("kvSet" as const), pairs: fc.array(fc.tuple(text(50), text(200))) }),
  fc.record({ type: fc.constant("kvDelete" as const), keys: fc.array(text(50)) }),
  fc.record({ type: fc.constant("serviceSet" as const), services: fc.array(service) as fc.Arbitrary<ServiceConfig[]> }),
  fc.record({ type: fc.constant("serviceDelete" as const), names: fc.array(name) }),
  fc.record({
    type: fc.constant("serviceStatus" as const),
    changes: fc.array(
      fc.record({
        service: name,
        definedIndex: whole,
        node: fc.nat(9_999),
        status: fc.constantFrom(0 as const, 1 as const),
      }),
    ),
  }),
);
const stampedCommand = fc.record({ requestId: text(64), timeMs: fc.nat({ max: 2 ** 48 - 1 }), command });

test("every command comes back as it was, whatever its names are", () => {
  fc.assert(
    fc.property(stampedCommand, (stamped) => {
      expect(decodeCommand(encodeCommand(stamped))).toEqual(stamped);
    }),
    { numRuns: 500 },
  );
});

test("whatever decodes encodes to the same bytes, and what does not is refused with the code of a bad command", () => {
  fc.assert(
    fc.property(stampedCommand, fc.nat(), fc.nat(255), (stamped, place, byte) => {
      const bytes = Buffer.from(encodeCommand(stamped));
      bytes[place % bytes.length] = byte;
      let decoded: StampedCommand;
      try {
        decoded = decodeCommand(bytes);
      } catch (error) {
        expect(error).toMatchObject({ code: "DISTER_ERR_COMMAND" });
        return;
      }
      expect(Buffer.from(encodeCommand(decoded)).equals(bytes)).toBe(true);
    }),
    { numRuns: 1_000 },
  );
});
