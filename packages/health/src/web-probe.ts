import { type IncomingMessage, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { guardedLookup } from "./address-guard.ts";
import { type Finish, type ProbeComponents, type ProbeOptions, type ProbeResult, reasonOf, runProbe } from "./probe.ts";

export interface WebProbeOptions extends ProbeOptions {
  /** An http or https address without user and password. */
  readonly url: string;
  /** Certificates (PEM) to trust in place of the system's, for https. */
  readonly ca?: string | readonly string[] | undefined;
}

/** Bytes of a body that are read; a longer one is as good as a whole one. */
export const BODY_BYTES_MAX = 64 * 1024;

/**
 * Asks an address by GET: ok when the status is 200 and the body, or its first {@link BODY_BYTES_MAX} bytes, arrives
 * in time. Any other status is a failure; redirects are not followed. Certificates are always checked.
 * Each probe makes a connection of its own.
 */
export function webProbe(options: WebProbeOptions, components: ProbeComponents = {}): Promise<ProbeResult> {
  return runProbe(options, components, (finish) => {
    const url = URL.parse(options.url);
    if (url === null || (url.protocol !== "http:" && url.protocol !== "https:")) {
      finish(false, "not an http or https address");
      return () => {};
    }
    if (url.username !== "" || url.password !== "") {
      finish(false, "an address with user or password");
      return () => {};
    }
    const host = url.hostname.replace(/^\[|\]$/g, "");
    const request = (url.protocol === "https:" ? requestHttps : requestHttp)({
      host,
      port: url.port === "" ? undefined : Number(url.port),
      path: url.pathname + url.search,
      method: "GET",
      headers: { accept: "*/*", "user-agent": "dister-health" },
      agent: false,
      lookup: guardedLookup(host, options.allow, components.lookup),
      // Explicit, so that no environment variable can turn it off.
      rejectUnauthorized: true,
      ...(options.ca === undefined ? {} : { ca: [options.ca].flat() }),
    });
    let answered = false;
    request.on("response", (response) => {
      answered = true;
      judge(response, finish);
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

function judge(response: IncomingMessage, finish: Finish): void {
  const output = `status ${response.statusCode}`;
  if (response.statusCode !== 200) {
    finish(false, output);
    return;
  }
  let bytes = 0;
  response.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes >= BODY_BYTES_MAX) finish(true, output);
  });
  response.on("end", () => finish(true, output));
  response.on("error", () => finish(false, "closed inside the body"));
  response.on("close", () => finish(false, "closed inside the body"));
}
