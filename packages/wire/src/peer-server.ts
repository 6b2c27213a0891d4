import { createServer, type Server, type Socket } from "node:net";
import { DisterError, isDisterError, LIMITS } from "@dister/types";
import { Admission, sourceOf } from "./admission.ts";
import { Connection } from "./connection.ts";
import { acceptHandshake, type Handshaken, type HandshakeSide, isOrdinary } from "./handshake.ts";
import type { Purpose } from "./preface.ts";
import { Refusals } from "./refusals.ts";
import { TlsAcceptor } from "./tls-acceptor.ts";

/** What a port is for and who takes its connections. */
export interface PeerServerOptions {
  readonly name: "raft" | "repl";
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
  readonly purposes: readonly Purpose[];
  /** At most so many connections at the same time, half of them from one address. */
  readonly connectionsMax: number;
  accepted(connection: Connection, handshaken: Handshaken): void;
}

/** Somebody who has connected. */
class Arrival {
  readonly socket: Socket;
  readonly address: string;
  connection: Connection | undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    this.address = socket.remoteAddress ?? "";
  }

  close(reason: string): void {
    this.connection?.close(reason);
    this.socket.destroy();
  }
}

/** One listening port for other nodes. Only what has passed the handshake comes out of it. */
export class PeerServer {
  readonly #side: HandshakeSide;
  readonly #options: PeerServerOptions;
  readonly #server: Server;
  readonly #arrivals = new Set<Arrival>();
  readonly #admission: Admission<Arrival>;
  readonly #acceptor: TlsAcceptor | undefined;
  readonly #refusals = new Refusals();

  private constructor(side: HandshakeSide, options: PeerServerOptions) {
    const { connectionsMax } = options;
    this.#side = side;
    this.#options = options;
    this.#admission = new Admission({
      connectionsMax,
      perAddressMax: Math.min(connectionsMax, LIMITS.peerConnectionsPerAddressMax),
      unprovenMax: Math.min(connectionsMax, LIMITS.peerHandshakesMax),
    });
    this.#acceptor = side.tls === undefined ? undefined : new TlsAcceptor({ tls: side.tls, group: side.group });
    this.#server = createServer((socket) => this.#take(socket));
  }

  /** Binds the port. @throws DisterError `DISTER_ERR_CONFIG` when that is not possible. */
  static async listen(side: HandshakeSide, options: PeerServerOptions): Promise<PeerServer> {
    const server = new PeerServer(side, options);
    await server.#listen();
    return server;
  }

  /** The port that was really bound. */
  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  /** Closes the port and every connection of it. */
  close(): Promise<void> {
    for (const arrival of this.#arrivals) arrival.close("this node is stopping");
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #listen(): Promise<void> {
    const { host, port, name } = this.#options;
    return new Promise((resolve, reject) => {
      this.#server.once("error", (cause: NodeJS.ErrnoException) => {
        const details = {
          key: `Ports.${name}`,
          got: `${host}:${port} (${cause.code ?? cause.message})`,
          allowed: "an address of this machine and a port that is free",
        };
        reject(new DisterError("DISTER_ERR_CONFIG", details, { cause }));
      });
      this.#server.listen({ host, port }, () => {
        // Running out of descriptors must not end the node: the port stays open and the next connection may succeed.
        this.#server.on("error", (error) => {
          this.#side.logger.error("a port reports an error", { port: name, reason: error.message });
        });
        resolve();
      });
    });
  }

  #take(socket: Socket): void {
    const arrival = new Arrival(socket);
    socket.on("error", () => {});
    const verdict = this.#admission.admit(arrival, arrival.address);
    if (!verdict.admitted) {
      socket.destroy();
      this.#note(arrival, "too many connections, one was refused", `there are ${verdict.reason} already`);
      return;
    }
    verdict.evicted?.close("it was silent, and others want to come in");
    this.#arrivals.add(arrival);
    socket.once("close", () => {
      this.#arrivals.delete(arrival);
      this.#admission.gone(arrival);
    });
    this.#shakeHands(arrival).then(
      (handshaken) => {
        this.#admission.proven(arrival);
        this.#options.accepted(arrival.connection!, handshaken);
      },
      (error: Error) => {
        const reason = isDisterError(error) ? String(error.details["reason"]) : error.message;
        this.#note(arrival, "a connection was refused", reason);
      },
    );
  }

  async #shakeHands(arrival: Arrival): Promise<Handshaken> {
    const { clock } = this.#side;
    const start = clock.nowMs();
    const encrypted = await this.#encrypted(arrival);
    arrival.connection = new Connection(encrypted);
    const withinMs = Math.max(0, LIMITS.handshakeTimeoutMs - (clock.nowMs() - start));
    return acceptHandshake(arrival.connection, this.#side, { purposes: this.#options.purposes, withinMs });
  }

  async #encrypted({ socket }: Arrival): Promise<Socket> {
    if (this.#acceptor === undefined) return socket;
    let late = false;
    const timer = this.#side.clock.setTimer(LIMITS.handshakeTimeoutMs, () => {
      late = true;
      socket.destroy();
    });
    try {
      return await this.#acceptor.accept(socket);
    } catch (error) {
      throw late ? new Error("the handshake took too long") : error;
    } finally {
      timer.cancel();
    }
  }

  /** A refusal is a warning now and then, so that neither who errs nor who attacks fills the log. */
  #note({ address }: Arrival, message: string, reason: string): void {
    const { logger, clock } = this.#side;
    const isNews = !isOrdinary(reason) && this.#refusals.isNews(sourceOf(address), reason, clock.nowMs());
    logger[isNews ? "warn" : "debug"](message, { port: this.#options.name, address, reason });
  }
}

/** Limit of connections per port unless told otherwise. */
export const CONNECTIONS_MAX = LIMITS.peerConnectionsMax;
