import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";
import { type ClientComponents, type ClientOptions, createClient } from "../src/index.ts";

/** A request as the node got it. */
export interface Seen {
  readonly method: string;
  /** Path and query as they stood in the request. */
  readonly url: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/** What the node does with a request: answers with data, an error, raw bytes, hangs up, or never answers. */
export type Answer =
  | { readonly data: unknown }
  | { readonly code: string; readonly message?: string; readonly status?: number; readonly data?: unknown }
  | { readonly raw: string; readonly status: number; readonly location?: string }
  | "hang up"
  | "never";

export interface FakeNode {
  readonly url: string;
  readonly seen: Seen[];
  /** Resolves when so many requests have come. */
  got(count: number): Promise<void>;
}

/** Starts a node on 127.0.0.1 that gives these answers in order, the last one for ever. */
export async function fakeNode(...answers: Answer[]): Promise<FakeNode> {
  const seen: Seen[] = [];
  let heard = (): void => {};
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (chunk: string) => {
      body += chunk;
    });
    request.on("end", () => {
      const { method = "", url = "", headers } = request;
      const query = Object.fromEntries(new URL(url, "http://node").searchParams);
      const answer = answers[Math.min(seen.length, answers.length - 1)]!;
      seen.push({ method, url, query, headers, body });
      give(response, answer);
      heard();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const got = async (count: number): Promise<void> => {
    while (seen.length < count) {
      await new Promise<void>((resolve) => {
        heard = resolve;
      });
    }
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen, got };
}

function give(response: ServerResponse, answer: Answer): void {
  if (answer === "never") return;
  if (answer === "hang up") {
    response.destroy();
  } else if ("raw" in answer) {
    if (answer.location !== undefined) response.setHeader("location", answer.location);
    response.writeHead(answer.status).end(answer.raw);
  } else if ("code" in answer) {
    const { code, message = `said ${code}`, status = 503, data = null } = answer;
    response.writeHead(status).end(JSON.stringify({ result: 0, message, data, code }));
  } else {
    response.writeHead(200).end(JSON.stringify({ result: 1, message: "ok", data: answer.data }));
  }
}

/** An address of 127.0.0.1 where nobody listens. */
export async function deadUrl(): Promise<string> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${port}`;
}

/** The pauses of a client whose random number is 0. */
const PAUSES_MS = [25, 50, 100, 200, 400, 500];

/** A client whose pauses take no real time, and whose limits are reached only when pauses have used them up. */
export function hastyClient(urls: string | readonly string[], options: ClientOptions = {}) {
  let nowMs = 0;
  const pausesMs: number[] = [];
  const clock: NonNullable<ClientComponents["clock"]> = {
    nowMs: () => nowMs,
    setTimer(delayMs, fire) {
      if (!PAUSES_MS.includes(delayMs)) return { cancel: () => {} };
      pausesMs.push(delayMs);
      const immediate = setImmediate(() => {
        nowMs += delayMs;
        fire();
      });
      return { cancel: () => clearImmediate(immediate) };
    },
  };
  const client = createClient({ urls, timeoutMs: 60_000, ...options }, { clock, rng: { next: () => 0 } });
  return { client, pausesMs };
}
