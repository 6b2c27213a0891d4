import { createHmac, timingSafeEqual } from "node:crypto";
import { ByteReader } from "./byte-reader.ts";
import { badMessage } from "./byte-writer.ts";

/** Oldest and newest protocol that this version speaks. */
export const PROTOCOL_VERSION_MIN = 1;
export const PROTOCOL_VERSION_MAX = 1;

/** What a connection is for. */
export const PURPOSE = Object.freeze({ hello: 1, raft: 2, repl: 3, snapshot: 4 } as const);
export type Purpose = keyof typeof PURPOSE;
const PURPOSES = Object.keys(PURPOSE) as Purpose[];

/** Random bytes that each side contributes to one handshake. */
export const NONCE_BYTES = 32;
export const PREFACE_BYTES = 4 + NONCE_BYTES;
/** Size of a proof: HMAC-SHA256. */
export const PROOF_BYTES = 32;

/** First frame of both sides. */
export interface Preface {
  readonly versionMin: number;
  readonly versionMax: number;
  readonly purpose: Purpose;
  /** True when the sender has a secret and will neither go on without a proof nor accept a peer that has none. */
  readonly secretInUse: boolean;
  readonly nonce: Uint8Array;
}

export function encodePreface(preface: Preface): Uint8Array {
  const bytes = new Uint8Array(PREFACE_BYTES);
  bytes[0] = preface.versionMin;
  bytes[1] = preface.versionMax;
  bytes[2] = PURPOSE[preface.purpose];
  bytes[3] = preface.secretInUse ? 1 : 0;
  bytes.set(preface.nonce, 4);
  return bytes;
}

/** Reads a preface. @throws DisterError `DISTER_ERR_MESSAGE`. */
export function decodePreface(bytes: Uint8Array): Preface {
  const input = new ByteReader(bytes);
  const [versionMin, versionMax] = [input.u8(), input.u8()];
  if (versionMin === 0 || versionMin > versionMax) throw badMessage(`versions ${versionMin} to ${versionMax}`);
  const number = input.u8();
  const purpose = PURPOSES.find((name) => PURPOSE[name] === number);
  if (purpose === undefined) throw badMessage(`purpose ${number} is unknown`);
  const flags = input.u8();
  if (flags > 1) throw badMessage(`flags ${flags} of a preface`);
  const nonce = input.raw(NONCE_BYTES);
  input.end();
  return { versionMin, versionMax, purpose, secretInUse: flags === 1, nonce };
}

/** Newest protocol that both sides speak, undefined for none. */
export function commonVersion(one: Preface, other: Preface): number | undefined {
  const newest = Math.min(one.versionMax, other.versionMax);
  return newest >= Math.max(one.versionMin, other.versionMin) ? newest : undefined;
}

/** Who proves: each role has a label of its own, so that a proof cannot be sent back to its maker. */
export type ProofRole = "dialer" | "listener";

/** What both sides of one connection know, and what every proof of it is bound to. */
export interface Transcript {
  /** Both prefaces, as they were sent. */
  readonly dialer: Uint8Array;
  readonly listener: Uint8Array;
  readonly group: string;
  /** What only the two ends of an encrypted connection know, at most 255 bytes; empty without TLS. */
  readonly channel: Uint8Array;
}

/** Size of the code that closes a hello: HMAC-SHA256. */
export const SEAL_BYTES = 32;

/** A shared key. It is never shown: neither inspecting nor printing it reveals a byte. */
export class Secret {
  readonly #key: Uint8Array;

  constructor(key: string | Uint8Array) {
    this.#key = typeof key === "string" ? Buffer.from(key, "utf8") : key.slice();
  }

  /** HMAC-SHA256 with this key over the role's label and the transcript. */
  prove(role: ProofRole, transcript: Transcript): Uint8Array {
    return this.#code(`dister proof 1 ${role}\n`, transcript);
  }

  /** Checks a proof of the other side in constant time. */
  accepts(proof: Uint8Array, role: ProofRole, transcript: Transcript): boolean {
    return proof.length === PROOF_BYTES && timingSafeEqual(proof, this.prove(role, transcript));
  }

  /** A hello with a code behind it, which nobody can make who only passes on the proofs of others. */
  seal(hello: Uint8Array, role: ProofRole, transcript: Transcript): Uint8Array {
    return Buffer.concat([hello, this.#code(`dister hello 1 ${role}\n`, transcript, hello)]);
  }

  /** The hello without its code, which is checked in constant time; undefined when it does not fit. */
  unseal(sealed: Uint8Array, role: ProofRole, transcript: Transcript): Uint8Array | undefined {
    if (sealed.length < SEAL_BYTES) return undefined;
    const hello = sealed.subarray(0, -SEAL_BYTES);
    const code = this.#code(`dister hello 1 ${role}\n`, transcript, hello);
    return timingSafeEqual(sealed.subarray(-SEAL_BYTES), code) ? hello : undefined;
  }

  #code(label: string, { dialer, listener, group, channel }: Transcript, message?: Uint8Array): Uint8Array {
    const name = Buffer.from(group, "utf8");
    // With their lengths, so that no part can pass for the beginning of the next.
    const lengths = Uint8Array.of(channel.length, name.length >>> 8, name.length);
    const hmac = createHmac("sha256", this.#key).update(label).update(dialer).update(listener);
    hmac.update(lengths).update(channel).update(name);
    return (message === undefined ? hmac : hmac.update(message)).digest();
  }
}
