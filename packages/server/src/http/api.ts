import { DisterError, LIMITS, type Logger } from "@dister/types";
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import type { ApiNode } from "../api-node.ts";
import { balanceRoutes } from "./balance-routes.ts";
import { clusterRoutes } from "./cluster-routes.ts";
import { consoleRoutes } from "./console-routes.ts";
import { asDisterError, refusalOf, refuseConnection } from "./errors.ts";
import { type GuardOptions, guard } from "./guard.ts";
import { parseJsonBody } from "./json-body.ts";
import { kvRoutes } from "./kv-routes.ts";
import { nodeRoutes } from "./node-routes.ts";
import { OpenConnections } from "./open-connections.ts";
import { serviceRoutes } from "./service-routes.ts";
import { snapshotRoutes } from "./snapshot-routes.ts";

/** How long requests that are under way may take when the node stops. */
const ANSWER_MS = 4_000;
/** A connection on which nothing moves is cut after this. */
const IDLE_MS = 30_000;

export interface ApiOptions extends GuardOptions {
  /** Address to listen on. */
  readonly host: string;
  /** Port to listen on; 0 takes a free one. */
  readonly port: number;
  /** Folder of a built console, served under `/ui/`; without it there is none. */
  readonly consoleFolder?: string;
  /**
   * Milliseconds after which a connection on which nothing moves is cut, 30,000 unless given; a request that asks to be held
   * is held for longer.
   */
  readonly idleMs?: number;
}

/** The HTTP API. Every reply is `{result, message, data}`; errors carry their code as well. */
export class Api {
  readonly #server: FastifyInstance;
  readonly #options: ApiOptions;
  readonly #logger: Logger;
  readonly #connections: OpenConnections;
  #closing = false;

  constructor(node: ApiNode, options: ApiOptions, logger: Logger) {
    this.#options = options;
    this.#logger = logger;
    this.#server = Fastify({
      logger: false,
      bodyLimit: LIMITS.httpBodyBytesMax,
      requestTimeout: 30_000,
      connectionTimeout: options.idleMs ?? IDLE_MS,
      forceCloseConnections: "idle",
      // What is wrong before a route is found is answered in the same form: a bad path, no Host, bytes that are not HTTP.
      frameworkErrors: (error, request, reply) => void this.#sendError(error, request, reply),
      clientErrorHandler: refuseConnection,
      http: { requireHostHeader: false },
      return503OnClosing: false,
      routerOptions: { ignoreTrailingSlash: true },
    });
    this.#connections = new OpenConnections(this.#server.server);
    this.#server.removeAllContentTypeParsers();
    this.#server.addContentTypeParser<Buffer>(
      "application/json",
      { parseAs: "buffer" },
      async (_request: FastifyRequest, body: Buffer) => parseJsonBody(body),
    );
    this.#server.addHook("onRequest", async (request, reply) => this.#admit(request, reply));
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
    snapshotRoutes(this.#server, node, logger);
    if (options.consoleFolder !== undefined) consoleRoutes(this.#server, options.consoleFolder, logger);
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
    this.#closing = true;
    const closed = this.#server.close();
    this.#connections.end(ANSWER_MS);
    await closed;
  }

  #admit(request: FastifyRequest, reply: FastifyReply): FastifyReply | undefined {
    if (!this.#closing) return guard(request, reply, this.#options);
    reply.header("connection", "close");
    throw new DisterError("DISTER_ERR_STOPPED", { what: "the node" });
  }

  #sendError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const known = asDisterError(error, request);
    if (known.code === "DISTER_ERR_INTERNAL") this.#logger.error("a request failed", { path: pathOf(request), error });
    return reply.status(known.status).send(refusalOf(known));
  }
}

function pathOf(request: FastifyRequest): string {
  return request.url.split("?")[0]!.slice(0, 200);
}
