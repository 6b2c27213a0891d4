import { connect, createServer, type Server, type Socket } from "node:net";
import type { Chance } from "../chance.ts";
import { diallerOf } from "./dialler.ts";
import type { Direction, Links } from "./link.ts";
import { Pipe } from "./pipe.ts";

/** Where a node is said to be, and where it really listens. */
export interface Route {
  readonly node: number;
  readonly advertised: string;
  readonly real: string;
}

/**
 * Stands between all nodes: each tells the others an address (`Ip`) at which this proxy listens, and itself listens
 * (`Listen`) at another one. The dialling process tells a connection's directed pair.
 */
export class PeerProxy {
  readonly #parts: { links: Links; chance: Chance; pids: () => readonly (number | undefined)[] };
  readonly #servers: Server[] = [];
  readonly #connections = new Set<{ direction: Direction; sockets: readonly Socket[] }>();

  constructor(parts: { links: Links; chance: Chance; pids: () => readonly (number | undefined)[] }) {
    this.#parts = parts;
  }

  /** @throws when an address is taken. */
  async listen(routes: readonly Route[], ports: readonly number[]): Promise<void> {
    for (const route of routes) {
      for (const port of ports) {
        const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket) =>
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
    for (const { sockets } of [...this.#connections]) for (const socket of sockets) socket.destroy();
    await Promise.all(this.#servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }

  #accept(socket: Socket, route: Route, port: number): void {
    socket.on("error", () => {});
    const pids = this.#parts.pids();
    const running = pids.filter((pid) => pid !== undefined);
    const dialler = socket.remotePort === undefined ? undefined : diallerOf(socket.remotePort, running);
    if (dialler === undefined) {
      // It has given up already, or is no node.
      socket.destroy();
      return;
    }
    const direction = { from: pids.indexOf(dialler), to: route.node };
    this.#whenOpen(socket, direction, () => this.#carry(socket, direction, { host: route.real, port }));
  }

  /** A connection over a cut link does not come about; the dialler waits, as for a lost SYN, until it gives up. */
  #whenOpen(socket: Socket, { from, to }: Direction, open: () => void): void {
    const { links } = this.#parts;
    const look = (): void => {
      const isCut = links.state({ from, to }).cut || links.state({ from: to, to: from }).cut;
      if (isCut && !socket.destroyed) return;
      forget();
      if (!socket.destroyed) open();
    };
    const forget = links.onChange(look);
    socket.once("close", look);
    look();
  }

  #carry(socket: Socket, direction: Direction, target: { host: string; port: number }): void {
    const upstream = connect({ ...target, allowHalfOpen: true, noDelay: true });
    socket.setNoDelay(true);
    const entry = { direction, sockets: [socket, upstream] };
    this.#connections.add(entry);
    let isOpen = false;
    upstream.on("error", () => {
      // Nobody listens there: the dialler sees its connection refused a moment after it was made.
      if (!isOpen) socket.resetAndDestroy();
    });
    upstream.once("connect", () => {
      isOpen = true;
      const { links, chance } = this.#parts;
      new Pipe({ from: socket, to: upstream, links, direction, chance });
      new Pipe({ from: upstream, to: socket, links, direction: { from: direction.to, to: direction.from }, chance });
      socket.resume();
    });
    socket.once("close", () => {
      if (!isOpen) upstream.destroy();
    });
    const gone = (): void => {
      if (socket.destroyed && upstream.destroyed) this.#connections.delete(entry);
    };
    socket.once("close", gone);
    upstream.once("close", gone);
  }
}
