import { createServer } from "node:net";
import type { Direction } from "./link.ts";
import { type NetworkParts, type PeerNetwork, PORTS } from "./peer-network.ts";
import { PeerProxy } from "./proxy.ts";

/** The network through the proxy: 127.<a>.<b>.1 is what the others are told of node 1, 127.<a>.<b>.101 where it listens. */
export class ProxyNetwork implements PeerNetwork {
  readonly isProxy = true;
  readonly #net: string;
  readonly #proxy: PeerProxy;

  private constructor(net: string, proxy: PeerProxy) {
    this.#net = net;
    this.#proxy = proxy;
  }

  static async open(parts: NetworkParts): Promise<ProxyNetwork> {
    const { links, chance } = parts;
    // The hello has the sixteen digits as eight bytes.
    const ids = (): (Buffer | undefined)[] => parts.ids().map((id) => (id === undefined ? id : Buffer.from(id, "hex")));
    const proxy = new PeerProxy({ links, chance: chance.fork("links"), ids });
    const network = new ProxyNetwork(await freeNet(parts.size), proxy);
    const routes = Array.from({ length: parts.size }, (_, node) => ({
      node,
      advertised: network.advertised(node),
      real: network.real(node),
    }));
    await proxy.listen(routes, [PORTS.raft, PORTS.repl]);
    return network;
  }

  advertised(position: number): string {
    return `${this.#net}.${position + 1}`;
  }

  real(position: number): string {
    return `${this.#net}.${position + 101}`;
  }

  commandBefore(): readonly string[] {
    return [];
  }

  reset(directions: readonly Direction[]): number {
    return this.#proxy.reset(directions);
  }

  close(): Promise<void> {
    return this.#proxy.close();
  }
}

/** Looks for addresses that no other run uses; loopback has sixteen million of them. */
async function freeNet(size: number): Promise<string> {
  for (let tries = 0; tries < 50; tries++) {
    const net = `127.${1 + Math.floor(Math.random() * 250)}.${Math.floor(Math.random() * 250)}`;
    const hosts = Array.from({ length: size }, (_, i) => [`${net}.${i + 1}`, `${net}.${i + 101}`]).flat();
    const free = await Promise.all(hosts.flatMap((host) => Object.values(PORTS).map((port) => isFree(host, port))));
    if (free.every(Boolean)) return net;
  }
  throw new Error("no free addresses on loopback: this needs all of 127.0.0.0/8, as Linux has it");
}

function isFree(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, host, () => server.close(() => resolve(true)));
  });
}
