import { type Command, INSTANCE_MODES, LIMITS, type ServiceConfig, type StampedCommand } from "@dister/types";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeCommand, encodeCommand } from "./command-codec.ts";

// 1,790,000,000,000 ms = 0x01a0c4506c00; written by hand, the same bytes stand in docs/formats/command.md.
const TIME_MS = 1_790_000_000_000;
const TIME = "01a0c4506c00";

/** A definition with no more than a test needs: what else one has to have is decided before there is a command. */
const definition = (fields: object) =>
  JSON.parse(JSON.stringify({ name: "s", type: "tcp", ...fields })) as ServiceConfig;

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
    // {"name":"s","type":"tcp","node":[{"id":"h:1","host":"h","status":0}]}
    `01 03 ${TIME} 02 7231  01  45 7b226e616d65223a2273222c2274797065223a22746370222c226e6f6465223a5b7b226964223a22683a31222c22686f7374223a2268222c22737461747573223a307d5d7d`,
    { type: "serviceSet", services: [definition({ node: [{ id: "h:1", host: "h", status: 0 }] })] },
  ],
  ["serviceDelete", `01 04 ${TIME} 02 7231  01  03 776562`, { type: "serviceDelete", names: ["web"] }],
  [
    "serviceStatus",
    // definedIndex 300 = 0b10_0101100: ac 02
    `01 05 ${TIME} 02 7231  02  03 776562 03 683a31 ac02 01  03 776562 01 61 00 02`,
    {
      type: "serviceStatus",
      changes: [
        { service: "web", id: "h:1", definedIndex: 300, status: 1 },
        { service: "web", id: "a", definedIndex: 0, status: null },
      ],
    },
  ],
  [
    "instanceSet",
    // {"name":"s","type":"tcp","protect":"off","node":[{"status":0,"id":"a"}]}
    `01 06 ${TIME} 02 7231  01  48 7b226e616d65223a2273222c2274797065223a22746370222c2270726f74656374223a226f6666222c226e6f6465223a5b7b22737461747573223a302c226964223a2261227d5d7d`,
    { type: "instanceSet", services: [definition({ protect: "off", node: [{ status: 0, id: "a" }] })] },
  ],
  [
    "instanceDelete",
    `01 07 ${TIME} 02 7231  02  03 776562 03 683a31  03 776562 02 c3a9`,
    {
      type: "instanceDelete",
      instances: [
        { service: "web", id: "h:1" },
        { service: "web", id: "é" },
      ],
    },
  ],
  [
    "instanceMode",
    `01 08 ${TIME} 02 7231  03  03 776562 03 683a31 00  03 776562 01 61 01  03 776562 01 62 02`,
    {
      type: "instanceMode",
      changes: [
        { service: "web", id: "h:1", mode: "active" },
        { service: "web", id: "a", mode: "draining" },
        { service: "web", id: "b", mode: "maintenance" },
      ],
    },
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
    expect(refused(`01 09 ${TIME} 02 7231 00`)).toThrow(refusal("unknown type 9"));
  });

  test("bytes behind the last field", () => {
    expect(refused(`01 02 ${TIME} 02 7231 00 00`)).toThrow(refusal("1 bytes too many"));
  });

  test("a number with leading zeros or beyond 2^53 - 1", () => {
    expect(refused(`01 02 ${TIME} 02 7231 8000`)).toThrow(refusal("leading zeros"));
    expect(refused(`01 05 ${TIME} 02 7231 01 01 61 01 61 ffffffffffffff7f 00`)).toThrow(refusal("where at most"));
    expect(refused(`01 05 ${TIME} 02 7231 01 01 61 01 61 ffffffffffffffff01 00`)).toThrow(refusal("too many bytes"));
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

  test("a status that is none of 0, 1 and 2, and a mode that is none of the three", () => {
    expect(refused(`01 05 ${TIME} 02 7231 01 01 61 01 61 00 03`)).toThrow(refusal("3 where at most 2"));
    expect(refused(`01 08 ${TIME} 02 7231 01 01 61 01 61 03`)).toThrow(refusal("3 where at most 2"));
  });

  test.each(["05", "07", "08"])(
    "in a command of type %s: no name, no id, an id of 901 bytes, 10,001 instances",
    (type) => {
      expect(refused(`01 ${type} ${TIME} 02 7231 01 00 01 61 00 00`)).toThrow(refusal("empty text"));
      expect(refused(`01 ${type} ${TIME} 02 7231 01 01 61 00 00 00`)).toThrow(refusal("empty text"));
      expect(refused(`01 ${type} ${TIME} 02 7231 01 01 61 8507 ${"61".repeat(901)} 00 00`)).toThrow(
        refusal("901 where at most 900"),
      );
      expect(refused(`01 ${type} ${TIME} 02 7231 914e`)).toThrow(refusal("10001 where at most 10000"));
    },
  );

  test("a service that is not JSON, of unknown shape, or written in another form", () => {
    const withService = (json: string, type = "03") => {
      const bytes = Buffer.from(json);
      const length = bytes.length < 128 ? [bytes.length] : [(bytes.length & 0x7f) | 0x80, bytes.length >> 7];
      return `01 ${type} ${TIME} 02 7231 01 ${Buffer.from(length).toString("hex")} ${bytes.toString("hex")}`;
    };
    expect(refused(withService("{"))).toThrow(refusal("not JSON"));
    const withNode = (node: string) => `{"name":"s","type":"tcp","node":[${node}]}`;
    const shapes = [
      "[]",
      "null",
      `{"name":"s","type":"tcp"}`,
      `{"name":"s","type":"tcp","node":{}}`,
      `{"name":"","type":"tcp","node":[]}`,
      `{"name":"s","type":"tcp","node":[],"more":1}`,
      `{"name":"s","type":"tcp","protect":"on","node":[]}`,
      `{"name":"s","type":"tcp","protect":{"percent":50},"node":[]}`,
      `{"name":"s","type":"tcp","slowstart":5,"node":[]}`,
      withNode(`{"id":"a","host":"h"}`),
      withNode(`{"id":"a","host":1,"status":0}`),
      withNode(`{"id":"a","status":2}`),
      withNode(`{"host":"h","status":0}`),
      withNode(`{"id":"","status":0}`),
      withNode(`{"id":1,"status":0}`),
      withNode(`{"id":"\\ud800","status":0}`),
      withNode(`{"id":"${"a".repeat(301)}","status":0}`),
      withNode(`{"id":"a","status":0},{"id":"a","status":0}`),
      withNode(`{"id":"a","status":0,"tags":"t"}`),
      withNode(`{"id":"a","status":0,"tags":[1]}`),
      withNode(`{"id":"a","status":0,"meta":["m"]}`),
      withNode(`{"id":"a","status":0,"meta":{"m":1}}`),
      // What becomes of an instance is no part of its definition.
      ...["definedIndex", "checked", "sinceMs", "fellMs", "mode", "kept"].map((field) =>
        withNode(`{"id":"a","status":0,"${field}":"1"}`),
      ),
      `{"name":"\\ud800","type":"tcp","node":[]}`,
    ];
    for (const json of shapes) {
      expect(refused(withService(json)), json).toThrow(refusal("unknown shape"));
      expect(refused(withService(json, "06")), json).toThrow(refusal("unknown shape"));
    }
    expect(() => decodeCommand(bytesOf(withService(withNode(`{"id":"${"a".repeat(300)}","status":0}`))))).not.toThrow();
    expect(refused(withService(`{"type":"tcp","name":"s","node":[]}`))).toThrow(refusal("another form"));
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

  test("instances without a name, with an unknown mode, twice in a definition, or too many", () => {
    const web = { service: "web", id: "a" };
    encode({ type: "instanceDelete", instances: [{ ...web, id: "" }] }).toThrow(refusal("0 bytes"));
    encode({ type: "instanceDelete", instances: [{ ...web, service: "" }] }).toThrow(refusal("0 bytes"));
    encode({ type: "instanceDelete", instances: [{ ...web, id: "\uD800" }] }).toThrow(refusal("surrogate"));
    encode({ type: "instanceDelete", instances: new Array(10_001).fill(web) }).toThrow(refusal("10001"));
    encode({ type: "instanceMode", changes: [{ ...web, mode: "gone" as "active" }] }).toThrow(refusal("mode gone"));
    encode({ type: "serviceStatus", changes: [{ ...web, definedIndex: 1, status: 2 as 1 }] }).toThrow(
      refusal("status 2"),
    );
    const twins = definition({ node: [1, 2].map(() => ({ id: "a", status: 0 })) });
    encode({ type: "instanceSet", services: [twins] }).toThrow(refusal("unknown shape"));
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
const id = fc.constantFrom("h:1", "h:1#2", "__proto__", "[::1]:80", "é");
const texts = fc.dictionary(fc.constantFrom("host", "port", "__proto__", "pass", "1"), fc.string(), {
  noNullPrototype: true,
});
const more = fc.record({ tags: fc.array(fc.string()), meta: texts }, { requiredKeys: [], noNullPrototype: true });
const node = fc
  .tuple(texts, more, id, fc.constantFrom(0, 1))
  .map(([fields, also, its, status]) => ({ ...fields, ...also, id: its, status }));
const settings = fc.record(
  { protect: fc.oneof(fc.constant("off"), texts), slowstart: fc.string() },
  { requiredKeys: [], noNullPrototype: true },
);
const service = fc
  .tuple(name, settings, fc.uniqueArray(node, { maxLength: 3, selector: (one) => one.id }))
  .map(([its, set, instances]) => ({ name: its, type: "tcp", ...set, node: instances }));
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
        id: text(300),
        definedIndex: whole,
        status: fc.constantFrom(0 as const, 1 as const, null),
      }),
    ),
  }),
  fc.record({
    type: fc.constant("instanceSet" as const),
    services: fc.array(service) as fc.Arbitrary<ServiceConfig[]>,
  }),
  fc.record({
    type: fc.constant("instanceDelete" as const),
    instances: fc.array(fc.record({ service: name, id: text(300) })),
  }),
  fc.record({
    type: fc.constant("instanceMode" as const),
    changes: fc.array(fc.record({ service: name, id, mode: fc.constantFrom(...INSTANCE_MODES) })),
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
