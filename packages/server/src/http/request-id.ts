import { parseOrThrow, RequestIdSchema } from "@dister/types/schemas";
import type { FastifyRequest } from "fastify";

/** The client's own id for a write, undefined when it gave none. */
export function requestIdOf(request: FastifyRequest): string | undefined {
  const id = request.headers["x-request-id"];
  return id === undefined ? undefined : parseOrThrow(RequestIdSchema, id, "x-request-id");
}
