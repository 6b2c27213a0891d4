import { DisterError, isDisterError } from "@dister/types";
import { describe, expect, test } from "vitest";
import { decodeCall, decodeFailure, encodeCall, encodeFailureFrame } from "./call-codec.ts";
import { FrameDecoder } from "./frame-decoder.ts";

const utf8 = (value: unknown): Uint8Array =>
  Buffer.from(typeof value === "string" ? value : JSON.stringify(value), "utf8");

function travelled(error: unknown): DisterError {
  const [frame] = new FrameDecoder().push(encodeFailureFrame(9, error));
  expect(frame!.correlation).toBe(9);
  return decodeFailure(frame!.body);
}

test("a call is the length of its method, the method and the body", () => {
  const [frame] = new FrameDecoder().push(encodeCall(7, "hi", Uint8Array.of(255)));
  expect(Buffer.from(frame!.body).toString("hex")).toBe("026869ff");
  expect(decodeCall(frame!.body)).toEqual({ method: "hi", body: Uint8Array.of(255) });
});

test.each(["", "x".repeat(65), "ä", "a\n"])("the method %j is refused", (method) => {
  expect(() => encodeCall(1, method, new Uint8Array(0))).toThrow(
    expect.objectContaining({ code: "DISTER_ERR_INVALID" }),
  );
});

test.each(["", "00", "0268", "02680a", "41".repeat(66)])("X1: the call %s names no method", (text) => {
  expect(() => decodeCall(Buffer.from(text, "hex"))).toThrow(expect.objectContaining({ code: "DISTER_ERR_MESSAGE" }));
});

describe("failures", () => {
  test("an error of the catalogue keeps code, details and message", () => {
    const error = travelled(new DisterError("DISTER_ERR_BUSY", { what: "it", limit: 3 }));
    expect([error.code, error.details, error.message]).toEqual([
      "DISTER_ERR_BUSY",
      { what: "it", limit: 3 },
      "it is at its limit of 3",
    ]);
  });

  test("any other error shows nothing of itself", () => {
    expect(travelled(new Error("secret")).message).toBe("internal error");
    expect(travelled("secret").message).toBe("internal error");
  });

  test("a code of a later version, or one that every object has, is internal", () => {
    for (const code of ["DISTER_ERR_OF_TOMORROW", "constructor", "__proto__"]) {
      expect(decodeFailure(utf8({ code, message: "m", details: {} })).code).toBe("DISTER_ERR_INTERNAL");
    }
  });

  const bad: [string, unknown][] = [
    ["what is not JSON", "{"],
    ["a list", "[]"],
    ["null", "null"],
    ["no code", { message: "m", details: {} }],
    ["no details", { code: "DISTER_ERR_BUSY", message: "m" }],
    ["a nested detail", { code: "DISTER_ERR_BUSY", message: "m", details: { a: {} } }],
    ["a prototype", '{"code":"DISTER_ERR_BUSY","message":"m","details":{"__proto__":1}}'],
  ];
  test.each(bad)("X1: %s is refused", (_name, value) => {
    expect(() => decodeFailure(utf8(value))).toThrow(expect.objectContaining({ code: "DISTER_ERR_MESSAGE" }));
    expect(isDisterError(new Error("x"))).toBe(false);
  });
});
