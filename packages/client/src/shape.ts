import { DisterError } from "@dister/types";

/** The data of a reply as text. */
export function textOf(data: unknown, what: string): string {
  if (typeof data === "string") return data;
  throw unexpected(what, "no text");
}

/** The data of a reply as an object or list. Its own fields are trusted: they come from a node of the cluster. */
export function objectOf<T extends object>(data: unknown, what: string): T {
  if (typeof data === "object" && data !== null) return data as T;
  throw unexpected(what, "no object");
}

function unexpected(what: string, reason: string): DisterError {
  return new DisterError("DISTER_ERR_MESSAGE", { reason: `the reply of ${what} holds ${reason}` });
}
