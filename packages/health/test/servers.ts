import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { onTestFinished } from "vitest";

/** A server on 127.0.0.1 that is closed with all its connections when the test ends. */
export interface TestServer {
  readonly port: number;
  readonly url: string;
  /** Every connection that was made, the closed ones too. */
  readonly sockets: Socket[];
  /** Bytes received on all connections, as text. */
  received(): string;
  close(): Promise<void>;
}

/** Starts a raw TCP server; `serve` gets every connection. Port 0 takes any. */
export async function listen(serve: (socket: Socket) => void, port = 0): Promise<TestServer> {
  const sockets: Socket[] = [];
  let text = "";
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
    });
    serve(socket);
  });
  return { ...(await opened(server, port, sockets)), received: () => text };
}

/** Starts a server that answers the first bytes of a connection with these words and closes. */
export function answering(words: string, port = 0): Promise<TestServer> {
  return listen((socket) => socket.once("data", () => socket.end(words)), port);
}

async function opened(server: Server, port: number, sockets: Socket[]): Promise<Omit<TestServer, "received">> {
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const close = async (): Promise<void> => {
    if (!server.listening) return;
    const closed = once(server, "close");
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  onTestFinished(close);
  const bound = (server.address() as AddressInfo).port;
  return { port: bound, url: `http://127.0.0.1:${bound}/`, sockets, close };
}

/** A port of 127.0.0.1 where nobody listens. */
export async function deadPort(): Promise<number> {
  const server = await listen(() => {});
  await server.close();
  return server.port;
}

/** Waits until a condition holds; it is asked anew in every turn of the event loop. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}
