import type { z } from "zod";
import { DisterError } from "../errors.ts";
import { instanceAddress, writtenAddress } from "../instance-id.ts";

/** What is wrong with an input, in the words of the error catalogue. */
export interface Problem {
  /** Path of the field, for example `0.node.2.port`; the name of the whole when the problem is in all of it. */
  readonly field: string;
  readonly got: string;
  readonly allowed: string;
}

/** Fields that hold secrets, and what people call such fields. */
const SECRET = /pass|pwd|secret|token|headers|\bauth|cred|api.?key/i;
const SHOWN_CHARS_MAX = 80;
const FIELD_CHARS_MAX = 200;

/** Single values are printed, lists and objects are not: they may be of any size and depth, and may hold secrets. */
function shown(value: unknown): string {
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (value === null) return "null";
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  if (typeof value !== "string") return typeof value === "object" ? "an object" : `a ${typeof value}`;
  // Cut before it is printed: it may be megabytes.
  return shortened(JSON.stringify(withoutCredentials(value).slice(0, 2 * SHOWN_CHARS_MAX)), SHOWN_CHARS_MAX);
}

/** Before an `@` stand user and password, in whatever a person took for an address: also without `//`, or with a `/` in it. */
function withoutCredentials(text: string): string {
  const at = text.lastIndexOf("@");
  if (at < 0) return text;
  const scheme = /^[a-z][a-z\d+.-]{0,20}:\/\//i.exec(text)?.[0] ?? "";
  return `${scheme}***${text.slice(at)}`;
}

function shortened(text: string, charsMax: number): string {
  return text.length > charsMax ? `${text.slice(0, charsMax - 3)}...` : text;
}

function at(input: unknown, path: readonly PropertyKey[]): unknown {
  let value = input;
  for (const step of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<PropertyKey, unknown>)[step];
  }
  return value;
}

/** `Invalid input: expected string, received number` says what came a second time; what is allowed is a string. */
function allowedBy(issue: z.core.$ZodIssue): string {
  if (issue.code === "unrecognized_keys") return "no field of this name";
  const message = issue.code === "invalid_key" ? issue.issues[0]?.message : undefined;
  return (message ?? issue.message)
    .replace(/^(?:Invalid|Too)[a-z ]*: expected /, "")
    .replace(/, received .*$/, "")
    .replace(/^record$/, "object");
}

/** The first problem that a schema found, with what came in its place; a secret field's value is never repeated. */
export function firstProblem(error: z.ZodError, input: unknown, whole: string): Problem {
  const issue = error.issues[0]!;
  const path = issue.code === "unrecognized_keys" ? [...issue.path, issue.keys[0]!] : issue.path;
  const field = path.length === 0 ? whole : path.map(String).join(".");
  // A name that may not be one is at fault itself, not what stands under it.
  const came = issue.code === "invalid_key" ? String(path.at(-1)) : at(input, path);
  const got = SECRET.test(field) ? "a value that is not shown" : shown(came);
  return { field: shortened(field, FIELD_CHARS_MAX), got, allowed: allowedBy(issue) };
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

/**
 * As {@link parseOrThrow}, for a body of services: the field is followed by the name of the service and of the instance that it
 * belongs to, as in `0.node.2.port (service web, instance 10.0.0.7:80)`.
 */
export function parseServices<S extends z.ZodType>(schema: S, body: unknown): z.output<S> {
  const read = schema.safeParse(body);
  if (read.success) return read.data;
  const problem = firstProblem(read.error, body, "body");
  const [service, , instance] = (read.error.issues[0]?.path ?? []).map((step) => Number(step));
  const name = at(body, [service ?? -1, "name"]);
  const node = at(body, [service ?? -1, "node", instance ?? -1]);
  const owners = [typeof name === "string" ? `service ${shown(name)}` : "", instanceName(node)].filter(
    (one) => one !== "",
  );
  const field = owners.length === 0 ? problem.field : `${problem.field} (${owners.join(", ")})`;
  throw new DisterError("DISTER_ERR_INVALID", { ...problem, field: shortened(field, 2 * FIELD_CHARS_MAX) });
}

/** By its id, or by the address that is its id without one. */
function instanceName(node: unknown): string {
  if (typeof node !== "object" || node === null) return "";
  const { id, ...where } = node as Record<string, unknown>;
  if (typeof id === "string") return `instance ${shown(id)}`;
  const { host, port } = instanceAddress({
    host: typeof where["host"] === "string" ? where["host"] : undefined,
    port: ["string", "number"].includes(typeof where["port"]) ? String(where["port"]) : undefined,
    url: typeof where["url"] === "string" ? where["url"] : undefined,
  });
  return host === null ? "" : `instance ${shown(writtenAddress(host, port))}`;
}
