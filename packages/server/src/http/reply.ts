import { DisterError, type ReplyMarks, type Service } from "@dister/types";
import type { ApiReply } from "@dister/types/schemas";
import type { FastifyReply } from "fastify";
import type { Answer } from "../api-node.ts";

/** Puts a result in the form of every reply. */
export function ok<T>(data: T, marks: ReplyMarks = {}): ApiReply<T> {
  return { result: 1, message: "ok", data, ...marks };
}

/** Says in the header `x-dister-logid` how fresh an answer is. */
export function withLogId<T>(reply: FastifyReply, answer: Answer<T>): Answer<T> {
  reply.header("x-dister-logid", answer.logId);
  return answer;
}

/**
 * The service of an answer.
 * @throws DisterError `DISTER_ERR_SERVICE_NOT_FOUND`; `DISTER_ERR_NO_SERVER` when the answer may be old: then nobody knows
 *   whether there is one by now.
 */
export function foundService(name: string, { value, marks }: Answer<Service | undefined>): Service {
  if (value !== undefined) return value;
  if (marks?.stale !== true) throw new DisterError("DISTER_ERR_SERVICE_NOT_FOUND", { name });
  const reason = `${marks.ageMs ?? 0} ms ago there was no service named '${name}'`;
  throw new DisterError("DISTER_ERR_NO_SERVER", { reason });
}

/** Says that instances of a service are used on though they are critical. */
export function protectionMark(services: readonly Service[]): ReplyMarks {
  return services.some(({ protectedMs }) => protectedMs > 0) ? { protected: true } : {};
}
