import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

export interface FakeRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly body: unknown;
  readonly requestId: string | undefined;
}

/** What a call is answered with; `hang up` closes the connection after the request has been read. */
export type FakeAnswer = FakeReply | "hang up" | "silence";

interface FakeReply {
  readonly status?: number;
  readonly body: unknown;
}

/** An API of a node that answers what it is told to and remembers what it was asked. */
export class FakeApi {
  readonly requests: FakeRequest[] = [];
  readonly answers = new Map<string, FakeAnswer>();
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<FakeApi> {
    const server = createServer();
    const api = new FakeApi(server);
    server.on("request", (request, response) => {
      let text = "";
      request.setEncoding("utf8").on("data", (part: string) => (text += part));
      request.on("end", () => {
        const { method = "", url = "" } = request;
        const requestId = request.headers["x-request-id"] as string | undefined;
        api.requests.push({ method, url, body: text === "" ? undefined : JSON.parse(text), requestId });
        const answer = api.answers.get(`${method} ${url}`) ?? api.answers.get(`${method} ${url.split("?")[0]}`);
        if (answer === "silence") return;
        if (answer === "hang up") return void request.socket.destroy();
        const { status = 200, body }: FakeReply =
          answer ?? error(404, "DISTER_ERR_ROUTE", `no such call: ${method} ${url}`);
        response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return api;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Answers a call with data, as a node that has done it. */
  on(call: string, data: unknown): this {
    this.answers.set(call, { body: { result: 1, message: "ok", data } });
    return this;
  }

  /** Answers a call with an error. */
  fail(call: string, status: number, code: string, message: string): this {
    this.answers.set(call, error(status, code, message));
    return this;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

function error(status: number, code: string, message: string): FakeReply {
  return { status, body: { result: 0, message, data: null, code } };
}
