import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";
import { groupUri } from "@dister/types";
import type { TlsPem } from "@dister/wire";

/** What a certificate of a test says. */
export interface Wish {
  readonly name?: string;
  /** Names by kind: 2 DNS, 6 URI. */
  readonly names?: readonly (readonly [kind: 2 | 6, value: string])[];
  readonly ca?: boolean;
  /** Extended key usage: the last number of each purpose, 1 server, 2 client; none at all when left out. */
  readonly purposes?: readonly number[];
  readonly from?: Date;
  readonly to?: Date;
  /** Who signs; the certificate signs itself without one. */
  readonly issuer?: Made;
}

/** A certificate with its key. */
export interface Made {
  readonly name: string;
  readonly cert: string;
  readonly key: string;
}

const HOUR_MS = 3_600_000;

const der = (tag: number, ...parts: readonly Uint8Array[]): Buffer => {
  const body = Buffer.concat(parts);
  const { length } = body;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >>> 8, length & 255];
  return Buffer.concat([Uint8Array.of(tag, ...size), body]);
};
const sequence = (...parts: readonly Uint8Array[]): Buffer => der(0x30, ...parts);
const oid = (...bytes: readonly number[]): Buffer => der(0x06, Uint8Array.from(bytes));
const time = (at: Date): Buffer => der(0x18, Buffer.from(at.toISOString().replace(/[-:T]|\.\d+/g, "")));
const nameOf = (text: string): Buffer => sequence(der(0x31, sequence(oid(0x55, 4, 3), der(0x0c, Buffer.from(text)))));
const extension = (number: number, value: Uint8Array): Buffer => sequence(oid(0x55, 29, number), der(0x04, value));
/** No line is empty, whatever the length: that would end what is read. */
const linesOf = (text: string): string => text.match(/.{1,64}/g)!.join("\n");
const pem = (bytes: Uint8Array): string =>
  `-----BEGIN CERTIFICATE-----\n${linesOf(Buffer.from(bytes).toString("base64"))}\n-----END CERTIFICATE-----\n`;
const ECDSA_SHA256 = sequence(oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2));

/** Makes a certificate, byte by byte: independent of what the command line makes them with. */
export function certificate(wish: Wish = {}): Made {
  const {
    name = "node",
    ca = false,
    from = new Date(Date.now() - HOUR_MS),
    to = new Date(Date.now() + HOUR_MS),
  } = wish;
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const extensions: Buffer[] = [];
  if (ca) extensions.push(extension(19, sequence(der(0x01, Uint8Array.of(0xff)))));
  if (wish.purposes !== undefined) {
    const purposes = wish.purposes.map((purpose) => oid(0x2b, 6, 1, 5, 5, 7, 3, purpose));
    extensions.push(extension(37, sequence(...purposes)));
  }
  if (wish.names !== undefined) {
    extensions.push(
      extension(17, sequence(...wish.names.map(([kind, value]) => der(0x80 | kind, Buffer.from(value))))),
    );
  }
  const body = sequence(
    der(0xa0, der(0x02, Uint8Array.of(2))),
    der(0x02, Uint8Array.of(1), randomBytes(15)),
    ECDSA_SHA256,
    nameOf(wish.issuer?.name ?? name),
    sequence(time(from), time(to)),
    nameOf(name),
    createPublicKey(publicKey.export({ type: "spki", format: "pem" })).export({ type: "spki", format: "der" }),
    ...(extensions.length === 0 ? [] : [der(0xa3, sequence(...extensions))]),
  );
  const signer: KeyObject = wish.issuer === undefined ? privateKey : createPrivateKey(wish.issuer.key);
  const signature = der(0x03, Uint8Array.of(0), sign("sha256", body, signer));
  const key = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  return { name, cert: pem(sequence(body, ECDSA_SHA256, signature)), key };
}

/** A CA that signs itself. */
export const authority = (name = "ca"): Made => certificate({ name, ca: true });

/** What a node of a group has, signed by a CA. */
export function nodePem(ca: Made, wish: Wish & { readonly group?: string } = {}): TlsPem {
  const { group = "g", ...rest } = wish;
  const made = certificate({ issuer: ca, names: [[6, groupUri(group)]], purposes: [1, 2], ...rest });
  return { cert: made.cert, key: made.key, ca: ca.cert };
}
