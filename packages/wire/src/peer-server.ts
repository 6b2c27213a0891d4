import { createServer, type Server, type Socket } from "node:net";
import { DisterError, LIMITS } from "@dister/types";
import { Connection } from "./connection.ts";
import { acceptHandshake, type Handshaken, type HandshakeSide } from "./handshake.ts";
import type { Purpose } from "./preface.ts";
import { Refusals } from "./refusals.ts";

/** What a port is for and who takes its connections. */
export interface PeerServerOptions {
  readonly name: "raft" | "repl";
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
  readonly purposes: readonly Purpose[];
  /** At most so many connections at the same time; further ones are closed at once. */
  readonly connectionsMax: number;
  accepted(connection: Connection, handshaken: Handshaken): void;
}

/** One listening port for other nodes. Only what has passed the handshake comes out of it. */
export class PeerServer {
  readonly #side: HandshakeSide;
  readonly #options: PeerServerOptions;
  readonly #server: Server;
  readonly #connections = new Set<Connection>();
  readonly #refusals = new Refusals();

  private constructor(side: HandshakeSide, options: PeerServerOptions) {
    this.#side = side;
    this.#options = options;
    this.#server = createServer((socket) => this.#take(socket));
    this.#server.maxConnections = options.connectionsMax;
    this.#server.on("drop", () => {
      side.logger.warn("too many connections, one was refused", { port: options.name, limit: options.connectionsMax });
    });
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
    for (const connection of this.#connections) connection.close("this node is stopping");
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
    const connection = new Connection(socket);
    const { remoteAddress } = connection;
    this.#connections.add(connection);
    connection.onClose(() => this.#connections.delete(connection));
    acceptHandshake(connection, this.#side, this.#options.purposes).then(
      (handshaken) => this.#options.accepted(connection, handshaken),
      (error: Error) => this.#tellRefusal(remoteAddress, error.message),
    );
  }

  #tellRefusal(address: string, reason: string): void {
    const { logger, clock } = this.#side;
    const isNews = this.#refusals.isNews(address, reason, clock.nowMs());
    logger[isNews ? "warn" : "debug"]("a connection was refused", { port: this.#options.name, address, reason });
  }
}

/** Limit of connections per port unless told otherwise. */
export const CONNECTIONS_MAX = LIMITS.peerConnectionsMax;
