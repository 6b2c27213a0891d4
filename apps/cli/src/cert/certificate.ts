import { createHash, createPrivateKey, generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { isIP } from "node:net";
import { groupUri, invariant } from "@dister/types";
import { AsnConvert, OctetString } from "@peculiar/asn1-schema";
import {
  AlgorithmIdentifier,
  AttributeTypeAndValue,
  AttributeValue,
  AuthorityKeyIdentifier,
  BasicConstraints,
  Certificate,
  ExtendedKeyUsage,
  Extension,
  Extensions,
  GeneralName,
  KeyIdentifier,
  KeyUsage,
  Name,
  RelativeDistinguishedName,
  SubjectAlternativeName,
  SubjectKeyIdentifier,
  SubjectPublicKeyInfo,
  TBSCertificate,
  Validity,
} from "@peculiar/asn1-x509";

/** A certificate and its private key, as PEM texts. */
export interface CertificateAndKey {
  readonly cert: string;
  readonly key: string;
}

/** From when until when, both included. */
export interface Lifetime {
  readonly from: Date;
  readonly to: Date;
}

/** What a node's certificate says. */
export interface NodeWish {
  readonly name: string;
  readonly group: string;
  /** Addresses and names, for clients of the API and for `Tls.strictHosts`. */
  readonly hosts: readonly string[];
  readonly lifetime: Lifetime;
}

const VERSION_3 = 2;
const COMMON_NAME = "2.5.4.3";
/** With SHA-256, by the type of the signer's key; RSA wants explicitly no parameters. */
const ALGORITHMS: ReadonlyMap<string | undefined, AlgorithmIdentifier> = new Map([
  ["ec", new AlgorithmIdentifier({ algorithm: "1.2.840.10045.4.3.2" })],
  ["rsa", new AlgorithmIdentifier({ algorithm: "1.2.840.113549.1.1.11", parameters: null })],
]);
const SERVER_AND_CLIENT = ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"];
/** Bits of RFC 5280 §4.2.1.3, most significant first, and how many at the end are unused. */
const SIGNS_HANDSHAKES = [Uint8Array.of(0b1000_0000), 7] as const;
const SIGNS_CERTIFICATES = [Uint8Array.of(0b0000_0110), 1] as const;
const EXTENSION = {
  subjectKey: "2.5.29.14",
  keyUsage: "2.5.29.15",
  names: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  authorityKey: "2.5.29.35",
  purposes: "2.5.29.37",
};

/** Makes a CA that signs itself, and may sign certificates of nodes and no further CA. Keys are of the curve P-256. */
export function makeAuthority(name: string, lifetime: Lifetime): CertificateAndKey {
  const pair = newKey();
  const own = keyIdOf(pair.spki);
  const extensions = [
    extension(EXTENSION.basicConstraints, new BasicConstraints({ cA: true, pathLenConstraint: 0 }), true),
    extension(EXTENSION.keyUsage, new KeyUsage(...SIGNS_CERTIFICATES), true),
    extension(EXTENSION.subjectKey, new SubjectKeyIdentifier(own)),
  ];
  const subject = nameOf(name);
  return { cert: signed({ subject, issuer: subject, spki: pair.spki, lifetime, extensions }, pair.key), key: pair.key };
}

/** Makes a certificate with which a node is a server and a client of its group. */
export function makeNode(authority: CertificateAndKey, wish: NodeWish): CertificateAndKey {
  const pair = newKey();
  const ca = AsnConvert.parse(derOf(authority.cert), Certificate).tbsCertificate;
  const extensions = [
    extension(EXTENSION.keyUsage, new KeyUsage(...SIGNS_HANDSHAKES), true),
    extension(EXTENSION.purposes, new ExtendedKeyUsage(SERVER_AND_CLIENT)),
    extension(EXTENSION.names, new SubjectAlternativeName(namesOf(wish))),
    extension(EXTENSION.subjectKey, new SubjectKeyIdentifier(keyIdOf(pair.spki))),
    ...authorityKeyOf(ca),
  ];
  const { lifetime } = wish;
  const body = { subject: nameOf(wish.name), issuer: ca.subject, spki: pair.spki, lifetime, extensions };
  return { cert: signed(body, authority.key), key: pair.key };
}

/** The CA's own name for its key: one with two keys of the same name, as while they change, is found by it. */
function authorityKeyOf(ca: TBSCertificate): Extension[] {
  const found = ca.extensions?.find(({ extnID }) => extnID === EXTENSION.subjectKey);
  if (found === undefined) return [];
  const { buffer } = AsnConvert.parse(found.extnValue, SubjectKeyIdentifier);
  const keyIdentifier = new KeyIdentifier(buffer);
  return [extension(EXTENSION.authorityKey, new AuthorityKeyIdentifier({ keyIdentifier }))];
}

/** True when a CA's private key is of a type that can sign here: EC or RSA. */
export function canSign(key: string): boolean {
  return ALGORITHMS.has(createPrivateKey(key).asymmetricKeyType);
}

interface Body {
  readonly subject: Name;
  readonly issuer: Name;
  readonly spki: ArrayBuffer;
  readonly lifetime: Lifetime;
  readonly extensions: readonly Extension[];
}

function signed({ subject, issuer, spki, lifetime, extensions }: Body, signerKey: string): string {
  const signer = createPrivateKey(signerKey);
  const signature = ALGORITHMS.get(signer.asymmetricKeyType);
  invariant(signature !== undefined, "who signs was checked before");
  const tbsCertificate = new TBSCertificate({
    version: VERSION_3,
    serialNumber: newSerial(),
    signature,
    issuer,
    validity: new Validity({ notBefore: lifetime.from, notAfter: lifetime.to }),
    subject,
    subjectPublicKeyInfo: AsnConvert.parse(spki, SubjectPublicKeyInfo),
    extensions: new Extensions([...extensions]),
  });
  const value = sign("sha256", Buffer.from(AsnConvert.serialize(tbsCertificate)), signer);
  const whole = new Certificate({ tbsCertificate, signatureAlgorithm: signature, signatureValue: bytesOf(value) });
  return pemOf(Buffer.from(AsnConvert.serialize(whole)));
}

function newKey(): { key: string; spki: ArrayBuffer } {
  const { publicKey, privateKey } = generateKeyPairSync("ec", {
    namedCurve: "P-256",
    publicKeyEncoding: { type: "spki", format: "der" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  return { key: privateKey, spki: bytesOf(publicKey) };
}

/** 127 random bits: positive, never the same twice, and never with a zero in front that need not be there. */
function newSerial(): ArrayBuffer {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0]! & 0x3f) | 0x40;
  return bytesOf(bytes);
}

function keyIdOf(spki: ArrayBuffer): ArrayBuffer {
  return bytesOf(createHash("sha256").update(Buffer.from(spki)).digest().subarray(0, 20));
}

function nameOf(commonName: string): Name {
  const value = new AttributeValue({ utf8String: commonName });
  return new Name([new RelativeDistinguishedName([new AttributeTypeAndValue({ type: COMMON_NAME, value })])]);
}

function namesOf({ group, hosts }: NodeWish): GeneralName[] {
  const addresses = hosts.map((host) => new GeneralName(isIP(host) === 0 ? { dNSName: host } : { iPAddress: host }));
  return [new GeneralName({ uniformResourceIdentifier: groupUri(group) }), ...addresses];
}

function extension(extnID: string, value: object, critical = false): Extension {
  return new Extension({ extnID, critical, extnValue: new OctetString(AsnConvert.serialize(value)) });
}

function bytesOf(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}

function pemOf(der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}

/** The bytes of the first certificate of a PEM text. */
function derOf(pem: string): Buffer {
  const [, body = ""] = /-----BEGIN CERTIFICATE-----([\s\S]+?)-----END/.exec(pem) ?? [];
  return Buffer.from(body, "base64");
}
