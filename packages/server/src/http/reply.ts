import type { ApiReply } from "@dister/types/schemas";

/** Puts a result in the form of every reply. */
export function ok<T>(data: T): ApiReply<T> {
  return { result: 1, message: "ok", data };
}
