import { isIP } from "node:net";
import { DisterError, isDisterError, LIMITS, type Logger } from "@dister/types";
import type { ApiReply } from "@dister/types/schemas";
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import type { ClusterNode } from "../cluster-node.ts";
import { balanceRoutes } from "./balance-routes.ts";
import { clusterRoutes } from "./cluster-routes.ts";
import { kvRoutes } from "./kv-routes.ts";
import { nodeRoutes } from "./node-routes.ts";
import { serviceRoutes } from "./service-routes.ts";

export interface ApiOptions {
  /** Address to listen on. */
  readonly host: string;
  /** Port to listen on; 0 takes a free one. */
  readonly port: number;
  /** Names other than localhost, and addresses, by which the API may be asked. */
  readonly hosts: readonly string[];
  /** Web origins that may call the API from a browser. */
  readonly origins: readonly string[];
}

/** The HTTP API. Every reply is `{result, message, data}`; errors carry their code as well. */
export class Api {
  readonly #server: FastifyInstance;
  readonly #options: ApiOptions;
  readonly #logger: Logger;

  constructor(node: ClusterNode, options: ApiOptions, logger: Logger) {
    this.#options = options;
    this.#logger = logger;
    this.#server = Fastify({
      logger: false,
      bodyLimit: LIMITS.httpBodyBytesMax,
      requestTimeout: 30_000,
      connectionTimeout: 30_000,
      forceCloseConnections: "idle",
      return503OnClosing: true,
      // Keys are data, whatever they are called; nothing here merges a body into an object.
      onProtoPoisoning: "ignore",
      onConstructorPoisoning: "ignore",
      routerOptions: { ignoreTrailingSlash: true },
    });
    this.#server.addHook("onRequest", async (request) => this.#guard(request));
    this.#server.addHook("onResponse", async (request, reply) => {
      const route = request.routeOptions.url ?? "unknown";
      node.metrics.request({ method: request.method, route, status: reply.statusCode }, reply.elapsedTime / 1000);
    });
    this.#server.setErrorHandler((error, request, reply) => this.#sendError(error, request, reply));
    this.#server.setNotFoundHandler((request) => {
      throw new DisterError("DISTER_ERR_ROUTE", { method: request.method, path: pathOf(request) });
    });
    for (const routes of [kvRoutes, serviceRoutes, balanceRoutes, nodeRoutes, clusterRoutes])
      routes(this.#server, node);
  }

  /** @returns the address under which the API answers. */
  listen(): Promise<string> {
    const { host, port } = this.#options;
    return this.#server.listen({ host, port }).catch((cause: unknown) => {
      const reason = (cause as Error).message;
      throw new DisterError(
        "DISTER_ERR_CONFIG",
        { key: "Ports.api", got: port, allowed: `a free port: ${reason}` },
        { cause },
      );
    });
  }

  /** Answers what is under way and takes nothing more. */
  async close(): Promise<void> {
    await this.#server.close();
  }

  /** Keeps web pages of strangers away from an API that listens on every developer's machine. */
  #guard(request: FastifyRequest): void {
    // A page that points its own name at 127.0.0.1 sends that name: only names that were agreed on are answered.
    const host = hostName(request.headers.host ?? "");
    const named = host === "localhost" || isIP(host) !== 0 || this.#options.hosts.includes(host);
    if (!named)
      throw new DisterError("DISTER_ERR_FORBIDDEN", { reason: `host ${JSON.stringify(host)} is not in Api.hosts` });
    const { origin } = request.headers;
    if (origin !== undefined && !this.#options.origins.includes(origin)) {
      throw new DisterError("DISTER_ERR_FORBIDDEN", {
        reason: `origin ${JSON.stringify(origin)} is not in Api.origins`,
      });
    }
  }

  #sendError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const known = asDisterError(error, request);
    if (known.code === "DISTER_ERR_INTERNAL") this.#logger.error("a request failed", { path: pathOf(request), error });
    const body: ApiReply = { result: 0, message: known.message, data: null, code: known.code };
    return reply.status(known.status).send(body);
  }
}

/** Puts a result in the form of every reply. */
export function ok<T>(data: T): ApiReply<T> {
  return { result: 1, message: "ok", data };
}

function pathOf(request: FastifyRequest): string {
  return request.url.split("?")[0]!.slice(0, 200);
}

function hostName(header: string): string {
  const bracketed = /^\[([^\]]*)\]/.exec(header);
  return (bracketed?.[1] ?? header.split(":")[0]!).toLowerCase();
}

/** The web framework's own errors in our words; anything else is an internal error whose text nobody sees. */
function asDisterError(error: unknown, request: FastifyRequest): DisterError {
  if (isDisterError(error)) return error;
  const { code, statusCode } = error as { code?: string; statusCode?: number };
  const allowed = LIMITS.httpBodyBytesMax;
  if (code === "FST_ERR_CTP_BODY_TOO_LARGE") {
    const bytes = Number(request.headers["content-length"] ?? allowed + 1);
    return new DisterError("DISTER_ERR_TOO_LARGE", { field: "body", bytes, allowed });
  }
  if (code === "FST_ERR_CTP_INVALID_MEDIA_TYPE") {
    const got = JSON.stringify(request.headers["content-type"] ?? "nothing");
    return new DisterError("DISTER_ERR_INVALID", { field: "content-type", got, allowed: "application/json" });
  }
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return new DisterError("DISTER_ERR_BODY", { reason: (error as Error).message }, { cause: error });
  }
  return new DisterError("DISTER_ERR_INTERNAL", {}, { cause: error });
}
