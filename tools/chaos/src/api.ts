import { Agent, type IncomingMessage, request } from "node:http";
import type { Outcome } from "@dister/linearizability";
import { type CallEvent, outcomeOf } from "./outcome.ts";

/** Longer than a node holds a request while there is no leader. */
const CALL_MS = 8_000;

/** One attempt of one call at one node. */
export interface Call {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly path: string;
  readonly body?: unknown;
  readonly requestId?: string;
  readonly timeoutMs?: number;
}

/** What came of a call. */
export interface Answer {
  readonly outcome: Outcome;
  /** HTTP status, 0 when no reply came. */
  readonly status: number;
  readonly code: string | undefined;
  readonly data: unknown;
  /** Of `x-dister-logid`. */
  readonly logId: number | undefined;
  readonly startMs: number;
  readonly endMs: number;
}

interface Reply {
  readonly status: number;
  readonly logId: number | undefined;
  readonly text: string;
}

/** The HTTP API of all nodes, one attempt per call: nothing is repeated behind the back of a history. */
export class Api {
  readonly #urls: readonly string[];
  readonly #agent = new Agent({ keepAlive: true, maxFreeSockets: 64 });

  constructor(urls: readonly string[]) {
    this.#urls = urls;
  }

  get nodeCount(): number {
    return this.#urls.length;
  }

  async call(node: number, call: Call): Promise<Answer> {
    const startMs = performance.now();
    let event: CallEvent;
    let data: unknown = null;
    let logId: number | undefined;
    try {
      const reply = await this.#send(`${this.#urls[node]!}${call.path}`, call);
      const parsed = replyOf(reply.text);
      data = parsed?.data ?? null;
      logId = reply.logId;
      event = { kind: "reply", status: reply.status, result: parsed?.result, code: parsed?.code };
    } catch (error) {
      const { syscall } = error as NodeJS.ErrnoException;
      event = { kind: "failure", sent: syscall !== "connect" };
    }
    const [status, code] = event.kind === "reply" ? [event.status, event.code] : [0, undefined];
    return { outcome: outcomeOf(event), status, code, data, logId, startMs, endMs: performance.now() };
  }

  close(): void {
    this.#agent.destroy();
  }

  #send(url: string, call: Call): Promise<Reply> {
    const headers: Record<string, string> = {};
    const body = call.body === undefined ? undefined : JSON.stringify(call.body);
    if (body !== undefined) {
      headers["content-type"] = "application/json";
      // Without its length, the body of a DELETE would be sent as if it were the next request.
      headers["content-length"] = String(Buffer.byteLength(body));
    }
    if (call.requestId !== undefined) headers["x-request-id"] = call.requestId;
    return new Promise((resolve, reject) => {
      const sent = request(url, { method: call.method, headers, agent: this.#agent }, (response) => {
        readAll(response).then(resolve, reject);
      });
      const timer = setTimeout(() => sent.destroy(new Error("no reply in time")), call.timeoutMs ?? CALL_MS);
      sent.once("close", () => clearTimeout(timer));
      sent.once("error", reject);
      sent.end(body);
    });
  }
}

async function readAll(response: IncomingMessage): Promise<Reply> {
  const pieces: Buffer[] = [];
  for await (const piece of response) pieces.push(piece as Buffer);
  const logId = response.headers["x-dister-logid"];
  return {
    status: response.statusCode ?? 0,
    logId: logId === undefined ? undefined : Number(logId),
    text: Buffer.concat(pieces).toString("utf8"),
  };
}

/** The form of every reply; undefined for anything else. */
function replyOf(text: string): { result: number; code: string | undefined; data: unknown } | undefined {
  try {
    const { result, code, data } = JSON.parse(text) as { result?: number; code?: string; data?: unknown };
    return typeof result === "number" ? { result, code, data } : undefined;
  } catch {
    return undefined;
  }
}
