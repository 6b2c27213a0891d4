import { inspect } from "node:util";
import { isDisterError } from "@dister/types";
import { expect, test } from "vitest";
import { commonVersion, decodePreface, encodePreface, type Preface, Secret } from "./preface.ts";

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ""), "hex"));
const show = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** The vectors of docs/formats/handshake.md. */
const DIALER = "01 01 02 01 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const LISTENER = "01 01 02 01 202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f";
const PREFACES = { dialer: hex(DIALER), listener: hex(LISTENER) };
const PROOF_OF_DIALER = "108307fb028f2eaced5fb375e8c3ad88ccb19830481bbe802d1bb9474651275f";
const PROOF_OF_LISTENER = "9b6217a7f0ae976e67ad2c02628d93b13af08516ff45c792f990dc1d08418d36";

test("the golden preface is written and read", () => {
  const preface: Preface = {
    versionMin: 1,
    versionMax: 1,
    purpose: "raft",
    secretInUse: true,
    nonce: Uint8Array.from({ length: 32 }, (_, at) => at),
  };
  expect(show(encodePreface(preface))).toBe(show(hex(DIALER)));
  expect(decodePreface(hex(DIALER))).toEqual(preface);
});

test("the golden proofs are those of HMAC-SHA256 with the key k", () => {
  const secret = new Secret("k");
  expect(show(secret.prove("dialer", PREFACES))).toBe(PROOF_OF_DIALER);
  expect(show(secret.prove("listener", PREFACES))).toBe(PROOF_OF_LISTENER);
  expect(secret.accepts(hex(PROOF_OF_DIALER), "dialer", PREFACES)).toBe(true);
});

test("X5: a proof of the other role, of other nonces, of another key or of another length is refused", () => {
  const secret = new Secret("k");
  const proof = hex(PROOF_OF_DIALER);
  expect(secret.accepts(proof, "listener", PREFACES)).toBe(false);
  expect(secret.accepts(proof, "dialer", { ...PREFACES, listener: hex(DIALER) })).toBe(false);
  expect(new Secret("l").accepts(proof, "dialer", PREFACES)).toBe(false);
  expect(secret.accepts(proof.subarray(1), "dialer", PREFACES)).toBe(false);
});

test("X5: a secret shows nothing of itself", () => {
  const secret = new Secret("hunter2");
  expect(`${inspect(secret, { depth: 9, showHidden: true })}${JSON.stringify(secret)}`).not.toMatch(/hunter2|68 75/);
});

const BAD: [string, string][] = [
  ["version 0", DIALER.replace("01 01", "00 01")],
  ["a range that ends before it begins", DIALER.replace("01 01", "03 02")],
  ["purpose 0", DIALER.replace("01 01 02", "01 01 00")],
  ["an unknown purpose", DIALER.replace("01 01 02", "01 01 05")],
  ["an unknown flag", DIALER.replace("02 01", "02 02")],
  ["a short nonce", DIALER.slice(0, -2)],
  ["a byte too many", `${DIALER} 00`],
];
test.each(BAD)("X1: a preface with %s is refused", (_name, text) => {
  let error: unknown;
  try {
    decodePreface(hex(text));
  } catch (thrown) {
    error = thrown;
  }
  expect(isDisterError(error, "DISTER_ERR_MESSAGE")).toBe(true);
});

test("the common version is the newest of both ranges", () => {
  const range = (versionMin: number, versionMax: number): Preface => ({
    ...decodePreface(hex(DIALER)),
    versionMin,
    versionMax,
  });
  expect(commonVersion(range(1, 3), range(2, 5))).toBe(3);
  expect(commonVersion(range(2, 5), range(1, 3))).toBe(3);
  expect(commonVersion(range(1, 1), range(2, 2))).toBe(undefined);
});
