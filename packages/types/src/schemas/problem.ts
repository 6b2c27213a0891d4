import type { z } from "zod";
import { DisterError } from "../errors.ts";

/** What is wrong with an input, in the words of the error catalogue. */
export interface Problem {
  /** Path of the field, for example `0.node.2.port`; `body` for the whole. */
  readonly field: string;
  readonly got: string;
  readonly allowed: string;
}

function shown(value: unknown): string {
  if (value === undefined) return "nothing";
  const text = typeof value === "string" ? JSON.stringify(value) : (JSON.stringify(value) ?? String(value));
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

const SECRET = /pass|secret|token/i;

function at(input: unknown, path: readonly PropertyKey[]): unknown {
  let value = input;
  for (const step of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<PropertyKey, unknown>)[step];
  }
  return value;
}

/** The first problem that a schema found, with what came in its place; a secret field's value is never repeated. */
export function firstProblem(error: z.ZodError, input: unknown, whole: string): Problem {
  const issue = error.issues[0]!;
  const path = issue.code === "unrecognized_keys" ? [...issue.path, issue.keys[0]!] : issue.path;
  const field = path.length === 0 ? whole : path.map(String).join(".");
  const value = SECRET.test(field) ? "a value that is not shown" : shown(at(input, path));
  const allowed = issue.code === "unrecognized_keys" ? "no field of this name" : issue.message;
  return { field, got: value, allowed };
}

/**
 * Reads an input by its schema.
 * @param whole - what to call the input when the problem is in the whole of it, for example `body`.
 * @throws DisterError `DISTER_ERR_INVALID` that names the field, what came and what is allowed.
 */
export function parseOrThrow<S extends z.ZodType>(schema: S, input: unknown, whole: string): z.output<S> {
  const read = schema.safeParse(input);
  if (read.success) return read.data;
  throw new DisterError("DISTER_ERR_INVALID", { ...firstProblem(read.error, input, whole) });
}
