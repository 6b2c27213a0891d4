import { constants, createPrivateKey, X509Certificate } from "node:crypto";
import { createSecureContext, type SecureContext, type SecureContextOptions } from "node:tls";
import { DisterError, groupUri } from "@dister/types";
import { groupProblem } from "./peer-certificate.ts";

/** A node's certificate, its key and the CA of the group, each as PEM text. */
export interface TlsPem {
  /** The node's certificate; those between it and the CA may follow. */
  readonly cert: string;
  /** Its private key, without a passphrase. */
  readonly key: string;
  /** One or more CA certificates that a peer's must chain to; several while a CA is being replaced. */
  readonly ca: string;
}

/** For whom and when credentials have to be good. */
export interface TlsUse {
  readonly group: string;
  /** Milliseconds since 1970. */
  readonly wallMs: number;
}

const BLOCKS = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;
const CHAIN_MAX = 8;
const SERVER_AUTH = "1.3.6.1.5.5.7.3.1";
const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";

/**
 * What a node shows to others and checks them by. Only complete and fitting credentials exist: what every other node
 * would refuse is refused here, where its owner sees it. They show nothing of the key.
 */
export class TlsCredentials {
  /** Ready for the connections of both sides. */
  readonly context: SecureContext;
  /** Of the node's own certificate, in milliseconds since 1970. */
  readonly validToMs: number;
  readonly #options: SecureContextOptions;

  private constructor(options: SecureContextOptions, validToMs: number) {
    this.#options = options;
    this.context = createSecureContext(options);
    this.validToMs = validToMs;
  }

  /**
   * Checks that key, certificate and CA fit each other, the group and the time.
   * @throws DisterError `DISTER_ERR_CONFIG` that names `Tls.cert`, `Tls.key` or `Tls.ca`.
   */
  static of(pem: TlsPem, use: TlsUse): TlsCredentials {
    const cas = certificatesOf(pem.ca, "Tls.ca");
    const [own, ...between] = certificatesOf(pem.cert, "Tls.cert");
    const certificate = own!;
    checkKey(certificate, pem.key);
    checkTime(certificate, use.wallMs);
    checkChain(certificate, between, cas);
    checkPurpose(certificate);
    const problem = groupProblem(certificate.subjectAltName, use.group);
    if (problem !== undefined) {
      throw unfit("Tls.cert", `a certificate that ${problem}`, `one with the URI ${groupUri(use.group)}`);
    }
    const options: SecureContextOptions = {
      ...pem,
      minVersion: "TLSv1.3",
      maxVersion: "TLSv1.3",
      // Every connection shows and checks certificates anew: a ticket of an earlier one opens nothing.
      secureOptions: constants.SSL_OP_NO_TICKET,
    };
    return new TlsCredentials(options, Date.parse(certificate.validTo));
  }

  /** For a server that is given its credentials by name. */
  get serverOptions(): SecureContextOptions {
    return this.#options;
  }
}

function certificatesOf(text: string, key: string): X509Certificate[] {
  const blocks = text.match(BLOCKS) ?? [];
  if (blocks.length === 0) throw unfit(key, "a file without a certificate", "a PEM file with BEGIN CERTIFICATE");
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch (cause) {
    throw unfit(key, "a certificate that cannot be read", "a PEM file with whole certificates", cause);
  }
}

function checkKey(certificate: X509Certificate, key: string): void {
  let fits: boolean;
  try {
    fits = certificate.checkPrivateKey(createPrivateKey(key));
  } catch (cause) {
    throw unfit("Tls.key", "a key that cannot be read", "a private key as PEM, without a passphrase", cause);
  }
  if (!fits) throw unfit("Tls.key", "the key of another certificate", "the private key of Tls.cert");
}

function checkTime(certificate: X509Certificate, wallMs: number): void {
  const { validFrom, validTo } = certificate;
  const now = "one that is valid now";
  if (Date.parse(validTo) <= wallMs) throw unfit("Tls.cert", `a certificate that expired on ${validTo}`, now);
  if (Date.parse(validFrom) > wallMs) throw unfit("Tls.cert", `a certificate that is valid from ${validFrom} on`, now);
}

function checkChain(own: X509Certificate, between: readonly X509Certificate[], cas: readonly X509Certificate[]): void {
  const signs = (issuer: X509Certificate, one: X509Certificate): boolean =>
    issuer.ca && one.checkIssued(issuer) && one.verify(issuer.publicKey);
  let current = own;
  for (let length = 0; length < CHAIN_MAX; length++) {
    const subject = current;
    if (cas.some((ca) => signs(ca, subject))) return;
    const next = between.find((issuer) => signs(issuer, subject));
    if (next === undefined) break;
    current = next;
  }
  throw unfit("Tls.cert", "a certificate of another CA", "one that is signed by the CA of Tls.ca");
}

function checkPurpose(certificate: X509Certificate): void {
  // Absent means any; a node is server and client at once.
  const purposes: readonly string[] | undefined = certificate.keyUsage;
  if (purposes === undefined || (purposes.includes(SERVER_AUTH) && purposes.includes(CLIENT_AUTH))) return;
  throw unfit("Tls.cert", "a certificate for one side only", "one whose extended key usage is server and client");
}

function unfit(key: string, got: string, allowed: string, cause?: unknown): DisterError {
  return new DisterError("DISTER_ERR_CONFIG", { key, got, allowed }, cause === undefined ? {} : { cause });
}
