import { isDisterError, type Msg, type NodeInfo } from "@dister/types";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeMsg, encodeMsg } from "./msg-codec.ts";

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ""), "hex"));
const show = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

const INFO: NodeInfo = {
  name: "né",
  group: "g",
  id: "0123456789ABCDEF",
  ip: "10.0.0.1",
  status: 1,
  role: 2,
  raft: 1,
  logid: 4_294_967_296,
  serviceid: 20_001,
  version: "2",
  ports: { raft: 4166, repl: 4167, api: 4168 },
  cluster: "FEDCBA9876543210",
  stateVersion: 3,
  boot: "00112233445566B7",
};

/** The vector of docs/formats/message.md, written by hand. */
const VECTOR = `006e  0003 6ec3a9  0001 67  0008 31302e302e302e31  0001 32
  0123456789abcdef  01 02 01  0000000100000000  0000000000004e21  1046 1047 1048  01 fedcba9876543210
  03 00112233445566b7  00000002 cafe`;
const MSG: Msg = { head: 110, info: INFO, body: Uint8Array.of(0xca, 0xfe) };

function reason(bytes: Uint8Array): string {
  try {
    decodeMsg(bytes);
  } catch (error) {
    if (!isDisterError(error, "DISTER_ERR_MESSAGE")) throw error;
    return error.message;
  }
  return "taken";
}

test("the golden vector is written and read", () => {
  expect(show(encodeMsg(MSG))).toBe(show(hex(VECTOR)));
  expect(decodeMsg(hex(VECTOR))).toEqual(MSG);
});

test("every shorter form is refused, and a longer one too", () => {
  const whole = hex(VECTOR);
  for (let length = 0; length < whole.length; length++) expect(reason(whole.subarray(0, length))).not.toBe("taken");
  expect(reason(hex(`${VECTOR} 00`))).toContain("too many");
});

describe("one rule, one rejection", () => {
  const cases: [string, string, string, string][] = [
    ["a text longer than 512 bytes", "006e  0003", "006e  0201", "too long"],
    ["a text that is not UTF-8", "6ec3a9", "6ec3ff", "not UTF-8"],
    ["an unknown status", "01 02 01", "02 02 01", "status 2"],
    ["an unknown role", "01 02 01", "01 03 01", "role 3"],
    ["an unknown raft role", "01 02 01", "01 02 03", "raft role 3"],
    ["a log id above 2^53-1", "0000000100000000", "0020000000000000", "2^53-1"],
    ["an unknown cluster mark", "01 fedcba98", "02 fedcba98", "cluster mark 2"],
    ["state version 0", "03 00112233", "00 00112233", "state version 0"],
    ["a body that is shorter than it says", "00000002 cafe", "00000003 cafe", "too early"],
    ["a body that is longer than it says", "00000002 cafe", "00000001 cafe", "too many"],
  ];
  test.each(cases)("X1: %s", (_name, from, to, wanted) => {
    expect(VECTOR).toContain(from);
    expect(reason(hex(VECTOR.replace(from, to)))).toContain(wanted);
  });

  const refused: [string, Partial<Msg>][] = [
    ["a head above 65535", { head: 65_536 }],
    ["a negative head", { head: -1 }],
    ["a malformed id", { info: { ...INFO, id: "0123456789abcdef" } }],
    ["a malformed boot", { info: { ...INFO, boot: "" } }],
    ["state version 256", { info: { ...INFO, stateVersion: 256 } }],
    ["a malformed cluster", { info: { ...INFO, cluster: "x" } }],
    ["a text that is too long", { info: { ...INFO, name: "x".repeat(513) } }],
    ["a port above 65535", { info: { ...INFO, ports: { raft: 65_536, repl: 1, api: 1 } } }],
    ["a negative log id", { info: { ...INFO, logid: -1 } }],
  ];
  test.each(refused)("encoding %s is refused", (_name, change) => {
    expect(() => encodeMsg({ ...MSG, ...change })).toThrow(expect.objectContaining({ code: "DISTER_ERR_MESSAGE" }));
  });
});

test("a node without a cluster and without texts comes back as it was", () => {
  const info: NodeInfo = { ...INFO, name: "", group: "", ip: "", version: "", cluster: "" };
  expect(decodeMsg(encodeMsg({ ...MSG, info })).info).toEqual(info);
});

test("X1: random and mutated bytes throw nothing but a message error, and what is taken is canonical", () => {
  const whole = hex(VECTOR);
  const mutated = fc.tuple(fc.nat(whole.length - 1), fc.nat(255)).map(([at, byte]) => {
    const bytes = Uint8Array.from(whole);
    bytes[at] = byte;
    return bytes;
  });
  fc.assert(
    fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 150 })), (bytes) => {
      if (reason(bytes) === "taken") expect(show(encodeMsg(decodeMsg(bytes)))).toBe(show(bytes));
    }),
    { numRuns: 2_000 },
  );
});
