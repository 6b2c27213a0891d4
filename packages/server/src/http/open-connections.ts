import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";

/**
 * The connections of a server, and how many requests each is being answered. The server itself waits for ever for a
 * connection that has sent nothing or half a request, as a browser opens them ahead of use.
 */
export class OpenConnections {
  readonly #answering = new Map<Socket, number>();
  #ending = false;

  constructor(server: Server) {
    server.on("connection", (socket: Socket) => {
      this.#answering.set(socket, 0);
      socket.once("close", () => this.#answering.delete(socket));
    });
    server.on("request", (request: IncomingMessage, response: ServerResponse) => {
      const { socket } = request;
      this.#count(socket, 1);
      response.once("close", () => this.#count(socket, -1));
    });
  }

  #count(socket: Socket, by: number): void {
    const before = this.#answering.get(socket);
    if (before === undefined) return;
    this.#answering.set(socket, before + by);
    if (this.#ending && before + by === 0) socket.end();
  }

  /** Closes what is not being answered now, and the rest when it was or when `withinMs` are over. */
  end(withinMs: number): void {
    this.#ending = true;
    for (const [socket, requests] of this.#answering) if (requests === 0) socket.destroy();
    const timer = setTimeout(() => {
      for (const socket of this.#answering.keys()) socket.destroy();
    }, withinMs);
    timer.unref();
  }
}
