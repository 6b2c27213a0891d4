import { isIP } from "node:net";
import { DisterError } from "@dister/types";
import type { FastifyReply, FastifyRequest } from "fastify";

/** Who may ask, besides programs on this machine. */
export interface GuardOptions {
  /** Names other than localhost, and addresses, by which the API may be asked. */
  readonly hosts: readonly string[];
  /** Web origins that may call the API from a browser. */
  readonly origins: readonly string[];
}

const METHODS = "GET, HEAD, POST, PUT, DELETE";

/**
 * Keeps web pages of strangers away from an API that listens on every developer's machine, and lets those of
 * `origins` in.
 * @returns the reply when it is answered already: a browser's question before the request itself.
 * @throws DisterError `DISTER_ERR_FORBIDDEN`.
 */
export function guard(request: FastifyRequest, reply: FastifyReply, options: GuardOptions): FastifyReply | undefined {
  // A page that points its own name at 127.0.0.1 sends that name: only names that were agreed on are answered.
  const host = hostName(request.headers.host ?? "");
  if (host !== "localhost" && isIP(host) === 0 && !options.hosts.includes(host)) {
    throw new DisterError("DISTER_ERR_FORBIDDEN", { reason: `host ${JSON.stringify(host)} is not in Api.hosts` });
  }
  const { origin } = request.headers;
  if (origin === undefined || isOwnOrigin(origin, request.headers.host ?? "")) return undefined;
  if (!options.origins.includes(origin)) {
    throw new DisterError("DISTER_ERR_FORBIDDEN", { reason: `origin ${JSON.stringify(origin)} is not in Api.origins` });
  }
  reply.headers({
    "access-control-allow-origin": origin,
    "access-control-expose-headers": "x-dister-logid",
    vary: "origin",
  });
  if (request.method !== "OPTIONS" || request.headers["access-control-request-method"] === undefined) return undefined;
  reply.headers({
    "access-control-allow-methods": METHODS,
    "access-control-allow-headers": "content-type, x-request-id",
    "access-control-max-age": "600",
  });
  return reply.status(204).send();
}

/** The console's own requests: the page came from the very address that is asked, under a name that was agreed on above. */
function isOwnOrigin(origin: string, host: string): boolean {
  return origin.toLowerCase() === `http://${host.toLowerCase()}`;
}

function hostName(header: string): string {
  const bracketed = /^\[([^\]]*)\](?::\d+)?$/.exec(header);
  return (bracketed?.[1] ?? header.split(":")[0]!).toLowerCase();
}
