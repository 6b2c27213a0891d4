import { inspect } from "node:util";
import { isDisterError } from "@dister/types";
import { expect, test } from "vitest";
import { commonVersion, decodePreface, encodePreface, type Preface, Secret, type Transcript } from "./preface.ts";

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ""), "hex"));
const show = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** The vectors of docs/formats/handshake.md. */
const DIALER = "01 01 02 01 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const LISTENER = "01 01 02 01 202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f";
const PREFACES: Transcript = { dialer: hex(DIALER), listener: hex(LISTENER), group: "g", channel: new Uint8Array(0) };
const PROOF_OF_DIALER = "044d7338e90fa68a510fbdcf0d25ff6abbb97df807de67439a63d1baa48d1b6d";
const PROOF_OF_LISTENER = "50fbe012143fa5c4feaa172b92e64064c3b591a0347f99a42a8c19f81e0fc893";
const SEAL_OF_DIALER = "8d6d4eea3a75041225319d5854408abc3bcb9813f16747c08619e234f2fe81f5";
const PROOF_OVER_TLS = "a2b453c644833241790ee0f5e3cdf6cca44130910ee897f96f2e9e33a058545d";

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

test("the golden seal of a hello and the golden proof over TLS are those of HMAC-SHA256", () => {
  const secret = new Secret("k");
  const sealed = secret.seal(Buffer.from("hello"), "dialer", PREFACES);
  expect(show(sealed)).toBe(`68656c6c6f${SEAL_OF_DIALER}`);
  expect(Buffer.from(secret.unseal(sealed, "dialer", PREFACES)!).toString()).toBe("hello");
  const channel = Uint8Array.from({ length: 32 }, (_, at) => 64 + at);
  expect(show(secret.prove("dialer", { ...PREFACES, channel }))).toBe(PROOF_OVER_TLS);
});

test("X5: a hello is opened only as it was sealed: role, group, channel, nonces, key and every bit of it", () => {
  const secret = new Secret("k");
  const sealed = secret.seal(Buffer.from("hello"), "dialer", PREFACES);
  expect(secret.unseal(sealed, "listener", PREFACES)).toBeUndefined();
  expect(secret.unseal(sealed, "dialer", { ...PREFACES, group: "h" })).toBeUndefined();
  expect(secret.unseal(sealed, "dialer", { ...PREFACES, channel: Uint8Array.of(1) })).toBeUndefined();
  expect(secret.unseal(sealed, "dialer", { ...PREFACES, dialer: hex(LISTENER) })).toBeUndefined();
  expect(new Secret("l").unseal(sealed, "dialer", PREFACES)).toBeUndefined();
  for (let length = 0; length < sealed.length; length++) {
    expect(secret.unseal(sealed.subarray(0, length), "dialer", PREFACES), `${length} bytes`).toBeUndefined();
  }
  for (let bit = 0; bit < sealed.length * 8; bit++) {
    const changed = sealed.map((byte, at) => (at === bit >>> 3 ? byte ^ (1 << (bit & 7)) : byte));
    expect(secret.unseal(changed, "dialer", PREFACES), `bit ${bit}`).toBeUndefined();
  }
});

test("X5: what a proof is bound to cannot be moved from one part of it to the next", () => {
  const secret = new Secret("k");
  const proof = secret.prove("dialer", { ...PREFACES, channel: Buffer.from("ab"), group: "c" });
  expect(secret.accepts(proof, "dialer", { ...PREFACES, channel: Buffer.from("a"), group: "bc" })).toBe(false);
  expect(secret.accepts(proof, "dialer", { ...PREFACES, channel: Buffer.from("ab"), group: "d" })).toBe(false);
  const sealed = secret.seal(Buffer.from("b"), "dialer", { ...PREFACES, group: "a" });
  expect(secret.unseal(sealed.subarray(1), "dialer", { ...PREFACES, group: "ab" })).toBeUndefined();
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
