import type { Socket } from "node:net";
import { createServer, type Server, type TLSSocket } from "node:tls";
import { invariant } from "@dister/types";
import { groupProblem } from "./peer-certificate.ts";
import type { TlsSide } from "./peer-tls.ts";
import type { TlsCredentials } from "./tls-credentials.ts";
import { certificateReason, tlsReason } from "./tls-reason.ts";

interface Pending {
  readonly resolve: (socket: TLSSocket) => void;
  readonly reject: (error: Error) => void;
}

const HUNG_UP = "it closed the connection within the TLS handshake";

/**
 * Turns accepted connections into encrypted ones. Node checks the chain of a client's certificate only in a server of its
 * own, so there is one, which listens to no port and is handed the sockets.
 */
export class TlsAcceptor {
  readonly #side: TlsSide;
  readonly #server: Server;
  /** By address and port of the other side: what Node gives back is another socket than the one that it was given. */
  readonly #pending = new Map<string, Pending>();
  /** The same by the socket that Node gives back, from the time on when there is one. */
  readonly #pendingOf = new WeakMap<TLSSocket, Pending>();
  #credentials: TlsCredentials;

  constructor(side: TlsSide) {
    this.#side = side;
    this.#credentials = side.tls.credentials();
    this.#server = createServer({
      ...this.#credentials.serverOptions,
      requestCert: true,
      rejectUnauthorized: true,
    });
    this.#server.on("secureConnection", (socket) => this.#secured(socket));
    this.#server.on("tlsClientError", (error, socket) => this.#failed(error, socket));
    // A socket whose certificate was refused has lost its address when that is told. Keys are made shortly before, and
    // telling of them is the one occasion at which both are known. The keys themselves are looked at by nobody.
    this.#server.on("keylog", (_line, socket) => this.#recognize(socket));
  }

  /**
   * Shakes hands as the server of TLS 1.3; the other side must show a certificate of the CA and of the group.
   * @returns the encrypted socket. Rejects with a reason in words; the socket is destroyed then.
   */
  accept(socket: Socket): Promise<TLSSocket> {
    this.#renew();
    return new Promise((resolve, reject) => {
      const key = keyOf(socket);
      if (key === undefined) {
        socket.destroy();
        reject(new Error(HUNG_UP));
        return;
      }
      const pending: Pending = { resolve, reject };
      this.#pending.set(key, pending);
      socket.on("error", () => {});
      socket.once("close", () => {
        if (this.#pending.get(key) !== pending) return;
        this.#pending.delete(key);
        // The reason, if there is one, comes in the same turn.
        setImmediate(() => pending.reject(new Error(HUNG_UP)));
      });
      this.#server.emit("connection", socket);
    });
  }

  #renew(): void {
    const newest = this.#side.tls.credentials();
    if (newest === this.#credentials) return;
    this.#credentials = newest;
    this.#server.setSecureContext(newest.serverOptions);
  }

  #recognize(socket: TLSSocket): Pending | undefined {
    const known = this.#pendingOf.get(socket);
    const key = keyOf(socket);
    if (known !== undefined || key === undefined) return known;
    const pending = this.#pending.get(key);
    if (pending !== undefined) this.#pendingOf.set(socket, pending);
    return pending;
  }

  #secured(socket: TLSSocket): void {
    const pending = this.#recognize(socket);
    invariant(pending !== undefined && socket.authorized, "only a client whose certificate was verified gets here");
    this.#pending.delete(keyOf(socket) ?? "");
    const problem = groupProblem(socket.getPeerX509Certificate()?.subjectAltName, this.#side.group);
    if (problem === undefined) {
      pending.resolve(socket);
      return;
    }
    socket.destroy();
    pending.reject(new Error(`its certificate ${problem}`));
  }

  #failed(error: NodeJS.ErrnoException, socket: TLSSocket): void {
    const pending = this.#recognize(socket);
    // The chain is judged when TLS itself is done, and the failure comes as a closed socket.
    const code = socket.authorizationError as unknown;
    const untrusted = typeof code === "string" ? certificateReason(code) : undefined;
    pending?.reject(new Error(untrusted ?? tlsReason(error) ?? HUNG_UP));
    socket.destroy();
  }
}

function keyOf(socket: Socket): string | undefined {
  return socket.remoteAddress === undefined ? undefined : `${socket.remoteAddress} ${socket.remotePort}`;
}
