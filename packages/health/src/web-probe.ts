import { type IncomingMessage, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import type { Socket } from "node:net";
import { DisterError, parseCheckHeaders, parseExpectedStatus } from "@dister/types";
import { guardedLookup } from "./address-guard.ts";
import { type Finish, type ProbeComponents, type ProbeOptions, type ProbeResult, reasonOf, runProbe } from "./probe.ts";

export interface WebProbeOptions extends ProbeOptions {
  /** An http or https address without user and password. */
  readonly url: string;
  /** Certificates (PEM) to trust in place of the system's, for https. */
  readonly ca?: string | readonly string[] | undefined;
  /** `GET` unless set. */
  readonly method?: "GET" | "HEAD" | "OPTIONS" | undefined;
  /** One in a line, `name: value`. */
  readonly headers?: string | undefined;
  /** Statuses that are ok, separated by commas, ranges with both ends: `200-299,401`; 200 unless set. */
  readonly expect?: string | undefined;
  /** Text that the first {@link BODY_BYTES_MAX} bytes of the body have to hold. */
  readonly contains?: string | undefined;
  /** Text that the whole body has to be, apart from white space at both ends. */
  readonly equals?: string | undefined;
}

/** Bytes of a body that are read; a longer one is as good as a whole one. */
export const BODY_BYTES_MAX = 64 * 1024;

/**
 * Bytes of an answer with all that is around its body. A target may announce an answer without an end before it gives one, and
 * a body that comes byte by byte takes six times as many.
 */
export const ANSWER_BYTES_MAX = 512 * 1024;

/**
 * Asks an address: ok when the status is an expected one and the body, or its first {@link BODY_BYTES_MAX} bytes,
 * arrives in time and is what it should be. Redirects are not followed. Certificates are always checked.
 * Each probe makes a connection of its own.
 * @throws DisterError `DISTER_ERR_INVALID` for `headers` or `expect` that are no such lists.
 */
export async function webProbe(options: WebProbeOptions, components: ProbeComponents = {}): Promise<ProbeResult> {
  const expectation = expectationOf(options);
  const headers = headersOf(options.headers ?? "");
  return runProbe(options, components, (finish) => {
    const url = URL.parse(options.url);
    const unfit = whyUnfit(url);
    if (url === null || unfit !== undefined) {
      finish(false, unfit ?? "");
      return () => {};
    }
    const host = url.hostname.replace(/^\[|\]$/g, "");
    const request = (url.protocol === "https:" ? requestHttps : requestHttp)({
      host,
      port: url.port === "" ? undefined : Number(url.port),
      path: url.pathname + url.search,
      method: options.method ?? "GET",
      headers,
      agent: false,
      lookup: guardedLookup(host, options.allow, components.lookup),
      // Explicit, so that no environment variable can turn it off.
      rejectUnauthorized: true,
      ...(options.ca === undefined ? {} : { ca: [options.ca].flat() }),
    });
    request.on("socket", (socket) => limitBytes(socket, finish));
    let answered = false;
    request.on("response", (response) => {
      answered = true;
      judge(response, expectation, finish);
    });
    request.on("error", (error) => finish(false, reasonOf(error)));
    // A request may close before its response has ended; from then on the response tells.
    request.on("close", () => {
      if (!answered) finish(false, "closed without an answer");
    });
    request.end();
    return () => request.destroy();
  });
}

/** Ours and those that are given, each name once, whatever its case. */
function headersOf(text: string): Record<string, string> {
  const headers: Record<string, string> = Object.create(null);
  const given = read("headers", text, parseCheckHeaders);
  for (const [name, value] of [["accept", "*/*"], ["user-agent", "dister-health"], ...given] as const) {
    for (const known of Object.keys(headers)) if (known.toLowerCase() === name.toLowerCase()) delete headers[known];
    headers[name] = value;
  }
  return headers;
}

function whyUnfit(url: URL | null): string | undefined {
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:")) return "not an http or https address";
  return url.username !== "" || url.password !== "" ? "an address with user or password" : undefined;
}

/** What an answer has to be. */
interface Expectation {
  readonly statuses: readonly (readonly [first: number, last: number])[];
  /** Why a body is not the expected one; undefined when it is. `whole` is false where only its begin was read. */
  readonly whyNot: (body: () => Buffer, whole: boolean) => string | undefined;
}

function expectationOf({ expect, contains, equals }: WebProbeOptions): Expectation {
  const statuses = read("expect", expect ?? "200", parseExpectedStatus);
  const whyNot: Expectation["whyNot"] = (body, whole) => {
    // Compared as bytes, so that a body that is no text is only another body.
    if (contains !== undefined && !body().includes(contains)) return "the body lacks the expected text";
    if (equals === undefined || (whole && body().toString("utf8").trim() === equals.trim())) return undefined;
    return "the body is not the expected one";
  };
  return { statuses, whyNot };
}

function read<T>(field: "headers" | "expect", text: string, parse: (text: string) => T | undefined): T {
  const value = parse(text);
  if (value !== undefined) return value;
  const allowed = field === "expect" ? "statuses, for example 200-299,401" : "lines 'name: value'";
  throw new DisterError("DISTER_ERR_INVALID", { field, got: "a text that is not shown", allowed });
}

function limitBytes(socket: Socket, finish: Finish): void {
  let bytes = 0;
  socket.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > ANSWER_BYTES_MAX) finish(false, `more than ${ANSWER_BYTES_MAX} bytes`);
  });
}

function judge(response: IncomingMessage, { statuses, whyNot }: Expectation, finish: Finish): void {
  const status = response.statusCode ?? 0;
  const output = `status ${status}`;
  if (!statuses.some(([first, last]) => status >= first && status <= last)) {
    finish(false, output);
    return;
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  const end = (whole: boolean): void => {
    const reason = whyNot(() => Buffer.concat(chunks), whole);
    finish(reason === undefined, reason === undefined ? output : `${output}, ${reason}`);
  };
  response.on("data", (chunk: Buffer) => {
    chunks.push(chunk.subarray(0, BODY_BYTES_MAX - bytes));
    bytes += chunk.length;
    if (bytes >= BODY_BYTES_MAX) end(false);
  });
  response.on("end", () => end(true));
  response.on("error", () => finish(false, "closed inside the body"));
  response.on("close", () => finish(false, "closed inside the body"));
}
