import type { ApiReply, ReplyMarks } from "@dister/types/schemas";
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
