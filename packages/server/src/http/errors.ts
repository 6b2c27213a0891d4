import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { DisterError, isDisterError, LIMITS } from "@dister/types";
import type { ApiReply } from "@dister/types/schemas";
import type { FastifyRequest } from "fastify";

/** An error in the form of every reply. */
export function refusalOf(error: DisterError): ApiReply<null> {
  return { result: 0, message: error.message, data: null, code: error.code };
}

/** The web framework's own errors in our words; anything else is an internal error whose text nobody sees. */
export function asDisterError(error: unknown, request: FastifyRequest): DisterError {
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

/** Statuses of what Node's parser refuses; everything else that it refuses is a bad request. */
const PARSER_STATUS: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

/** Answers what is not HTTP, in the form of every reply, and closes: nobody knows where the next request would begin. */
export function refuseConnection(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const status = PARSER_STATUS[error.code ?? ""] ?? 400;
  const got = status === 408 ? "a request that does not end" : "bytes that are none";
  const known = new DisterError("DISTER_ERR_INVALID", { field: "request", got, allowed: "an HTTP/1.1 request" });
  const body = JSON.stringify(refusalOf(known));
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    "connection: close",
    "content-type: application/json; charset=utf-8",
    `content-length: ${Buffer.byteLength(body)}`,
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
}
