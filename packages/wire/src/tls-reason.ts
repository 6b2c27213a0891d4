/**
 * What a failure of TLS means, by the code of the error. Whose fault it is depends on the side: an alert is what the
 * other side found wrong with this one.
 */
const REASONS: ReadonlyMap<string, string> = new Map([
  ["CERT_HAS_EXPIRED", "its certificate has expired"],
  ["CERT_NOT_YET_VALID", "its certificate is not valid yet: are both clocks right?"],
  ["CERT_REVOKED", "its certificate was revoked"],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", "its certificate is self-signed, and not of the CA in Tls.ca"],
  ["SELF_SIGNED_CERT_IN_CHAIN", "its certificate is of another CA than Tls.ca"],
  ["UNABLE_TO_GET_ISSUER_CERT", "its certificate is of another CA than Tls.ca"],
  ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "its certificate is of another CA than Tls.ca"],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "its certificate is of another CA than Tls.ca"],
  ["CERT_SIGNATURE_FAILURE", "its certificate is of another CA than Tls.ca"],
  ["CERT_UNTRUSTED", "its certificate is of another CA than Tls.ca"],
  ["INVALID_PURPOSE", "its certificate is made for another purpose than a node's"],
  ["INVALID_CA", "its certificate is signed by one that may not sign"],
  ["ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE", "it shows no certificate"],
  ["ERR_SSL_UNSUPPORTED_PROTOCOL", "it speaks an older TLS than 1.3"],
  ["ERR_SSL_WRONG_VERSION_NUMBER", "it speaks without TLS, and here Tls is set"],
  ["ERR_SSL_HTTP_REQUEST", "it speaks HTTP, and this is a port for nodes"],
  ["ERR_SSL_PACKET_LENGTH_TOO_LONG", "it speaks without TLS, and here Tls is set"],
  ["ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION", "it does not take TLS 1.3"],
  ["ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED", "it wants a certificate and got none"],
  ["ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED", "it says that the certificate of this node has expired"],
  ["ERR_SSL_TLSV1_ALERT_UNKNOWN_CA", "it says that the certificate of this node is of another CA"],
  ["ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE", "it does not accept the certificate of this node"],
]);

/** Says in words why TLS failed; undefined when the error is none of TLS. */
export function tlsReason(error: { readonly code?: string | undefined }): string | undefined {
  const { code } = error;
  if (code === undefined) return undefined;
  return REASONS.get(code) ?? (code.startsWith("ERR_SSL_") ? `TLS failed (${code})` : undefined);
}

/** Says in words why a certificate is not trusted, by the code of its verification. */
export function certificateReason(code: string): string {
  return REASONS.get(code) ?? `its certificate is not accepted (${code})`;
}

/** True for the beginning of a TLS record, a handshake or an alert: `16 03` or `15 03`. No frame begins like that. */
export function looksLikeTls(bytes: Uint8Array): boolean {
  return (bytes[0] === 0x16 || bytes[0] === 0x15) && (bytes.length === 1 || bytes[1] === 0x03);
}
