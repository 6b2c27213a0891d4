import { createServer, type Server } from "node:net";

/** A TCP server that can go and come back on its port. */
export class Backend {
  static readonly #all = new Set<Backend>();
  #server: Server | null = null;
  port = 0;

  static async open(): Promise<Backend> {
    const backend = new Backend();
    Backend.#all.add(backend);
    await backend.open();
    return backend;
  }

  /** So many of them. */
  static some(count: number): Promise<Backend[]> {
    return Promise.all(Array.from({ length: count }, () => Backend.open()));
  }

  /** All that a test has opened. */
  static async closeAll(): Promise<void> {
    await Promise.all([...Backend.#all].map((backend) => backend.close()));
    Backend.#all.clear();
  }

  async open(): Promise<void> {
    const server = createServer((socket) => socket.on("error", () => undefined).end());
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject).listen(this.port, "127.0.0.1", resolve);
    });
    this.#server = server;
    this.port = (server.address() as { port: number }).port;
  }

  async close(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    if (server !== null) await new Promise((resolve) => server.close(resolve));
  }
}
