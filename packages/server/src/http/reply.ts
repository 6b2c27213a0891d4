import type { ReplyMarks, Service } from "@dister/types";
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

/** Says that instances of a service are used on though they are critical. */
export function protectionMark(services: readonly Service[]): ReplyMarks {
  return services.some(({ protectedMs }) => protectedMs > 0) ? { protected: true } : {};
}
