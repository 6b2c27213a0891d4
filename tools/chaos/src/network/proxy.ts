import { connect, createServer, type Server, type Socket } from "node:net";
import type { Chance } from "../chance.ts";
import type { Direction, Links } from "./link.ts";
import { Pipe } from "./pipe.ts";

/** A node names itself in its first two frames; who has not by then is none of ours. */
const INTRODUCTION_BYTES_MAX = 8_192;

/** Where a node is said to be, and where it really listens. */
export interface Route {
  readonly node: number;
  readonly advertised: string;
  readonly real: string;
}

/** What a proxy works with. */
export interface ProxyParts {
  readonly links: Links;
  readonly chance: Chance;
  /** What each node calls itself in the hello of the handshake, undefined while nobody knows. */
  readonly ids: () => readonly (Buffer | undefined)[];
}

/**
 * Stands between all nodes: each tells the others an address (`Ip`) at which this proxy listens, and itself listens
 * (`Listen`) at another one. Who dials is known by its hello, so a link has no fault until then: that is the two prefaces,
 * which say nothing of the cluster.
 */
export class PeerProxy {
  readonly #parts: ProxyParts;
  readonly #servers: Server[] = [];
  readonly #open = new Set<Socket>();
  readonly #connections = new Set<{ direction: Direction; sockets: readonly Socket[] }>();

  constructor(parts: ProxyParts) {
    this.#parts = parts;
  }

  /** @throws when an address is taken. */
  async listen(routes: readonly Route[], ports: readonly number[]): Promise<void> {
    for (const route of routes) {
      for (const port of ports) {
        const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
          this.#accept(socket, route, port),
        );
        this.#servers.push(server);
        await new Promise<void>((resolve, reject) => {
          server.once("error", reject);
          server.listen(port, route.advertised, resolve);
        });
      }
    }
  }

  /** Ends connections at once, as a middle box does that has forgotten them. @returns how many there were. */
  reset(directions: readonly Direction[]): number {
    let count = 0;
    for (const { direction, sockets } of [...this.#connections]) {
      if (!directions.some(({ from, to }) => from === direction.from && to === direction.to)) continue;
      count++;
      for (const socket of sockets) socket.resetAndDestroy();
    }
    return count;
  }

  async close(): Promise<void> {
    for (const socket of [...this.#open]) socket.destroy();
    await Promise.all(this.#servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }

  #accept(socket: Socket, route: Route, port: number): void {
    const upstream = connect({ host: route.real, port, allowHalfOpen: true, noDelay: true });
    for (const one of [socket, upstream]) {
      this.#open.add(one);
      one.once("close", () => this.#open.delete(one));
    }
    const introduction = new Introduction(socket, upstream, (from, bytes) =>
      this.#carry(socket, upstream, { direction: { from, to: route.node }, bytes }),
    );
    introduction.listen(this.#parts.ids);
  }

  #carry(socket: Socket, upstream: Socket, first: { direction: Direction; bytes: Buffer }): void {
    const { links, chance } = this.#parts;
    const { direction, bytes } = first;
    const entry = { direction, sockets: [socket, upstream] };
    this.#connections.add(entry);
    const back = { from: direction.to, to: direction.from };
    new Pipe({ from: upstream, to: socket, links, direction: back, chance });
    new Pipe({ from: socket, to: upstream, links, direction, chance }).take(bytes);
    const gone = (): void => {
      if (socket.destroyed && upstream.destroyed) this.#connections.delete(entry);
    };
    socket.once("close", gone);
    upstream.once("close", gone);
  }
}

/** Passes bytes on as they come until the dialler has said who it is. */
class Introduction {
  readonly #socket: Socket;
  readonly #upstream: Socket;
  readonly #known: (from: number, bytes: Buffer) => void;
  #said = Buffer.alloc(0);

  constructor(socket: Socket, upstream: Socket, known: (from: number, bytes: Buffer) => void) {
    this.#socket = socket;
    this.#upstream = upstream;
    this.#known = known;
  }

  listen(ids: ProxyParts["ids"]): void {
    const [socket, upstream] = [this.#socket, this.#upstream];
    const abandon = (): void => {
      // Nobody listens there, or one side has gone: the other sees its connection reset, as it would without a proxy.
      socket.resetAndDestroy();
      upstream.resetAndDestroy();
    };
    const back = (bytes: Buffer): void => void socket.write(bytes);
    const onwards = (bytes: Buffer): void => {
      this.#said = Buffer.concat([this.#said, bytes]);
      const from = ids().findIndex((id) => id !== undefined && this.#said.includes(id));
      if (from < 0 && this.#said.length <= INTRODUCTION_BYTES_MAX) return void upstream.write(bytes);
      if (from < 0) return abandon();
      socket.off("data", onwards).off("end", abandon).off("error", abandon);
      upstream.off("data", back).off("end", abandon).off("error", abandon);
      this.#known(from, bytes);
    };
    socket.on("data", onwards).on("end", abandon).on("error", abandon);
    upstream.on("data", back).on("end", abandon).on("error", abandon);
  }
}
