import { isIP, type Socket } from "node:net";
import { type ConnectionOptions, checkServerIdentity, connect, type PeerCertificate, type TLSSocket } from "node:tls";
import { groupProblem } from "./peer-certificate.ts";
import type { TlsCredentials } from "./tls-credentials.ts";

/** How connections are encrypted. */
export interface PeerTls {
  /** Asked anew for every connection, so new certificates need no restart. */
  readonly credentials: () => TlsCredentials;
  /** The dialled host must be among the names of the certificate too, not only the group. */
  readonly strictHosts: boolean;
}

/** Whose certificate is taken. */
export interface TlsSide {
  readonly tls: PeerTls;
  readonly group: string;
}

/** Bytes of a connection's own that both ends know and nobody else, see RFC 9266 for the idea. */
const CHANNEL_BYTES = 32;
const CHANNEL_LABEL = "EXPORTER-dister-handshake";

/**
 * Connects with TLS 1.3. The certificate of the other side must chain to the CA and be one of the group; that cannot be
 * switched off. The socket emits `secureConnect` when that is so.
 */
export function connectTls(address: { readonly host: string; readonly port: number }, side: TlsSide): TLSSocket {
  const options: ConnectionOptions = {
    ...address,
    secureContext: side.tls.credentials().context,
    rejectUnauthorized: true,
    checkServerIdentity: (host, certificate) => serverProblem(host, certificate, side),
    ...(isIP(address.host) === 0 ? { servername: address.host } : {}),
  };
  return connect(options);
}

function serverProblem(host: string, certificate: PeerCertificate, { tls, group }: TlsSide): Error | undefined {
  const problem = groupProblem(certificate.subjectaltname, group);
  if (problem !== undefined) return new Error(`its certificate ${problem}`);
  if (!tls.strictHosts || checkServerIdentity(host, certificate) === undefined) return undefined;
  return new Error(`its certificate does not name ${host}, and Tls.strictHosts is set`);
}

/** What is known to the two ends of this connection only; empty without TLS. */
export function channelOf(socket: Socket | TLSSocket): Uint8Array {
  if (!("exportKeyingMaterial" in socket)) return new Uint8Array(0);
  return socket.exportKeyingMaterial(CHANNEL_BYTES, CHANNEL_LABEL, Buffer.alloc(0));
}
