import { DisterError, ERRORS, type ErrorCode, type ReplyMarks } from "@dister/types";

/** What came of one attempt. */
export type Outcome =
  | { readonly kind: "data"; readonly data: unknown; readonly marks: ReplyMarks }
  | {
      readonly kind: "error";
      readonly error: DisterError;
      /** The same request may succeed at another node or a little later. */
      readonly again: boolean;
      /** False: the request was surely not carried out. */
      readonly maybeDone: boolean;
      /** What the reply carried beside the error. */
      readonly data: unknown;
    };

/** Retryable errors that are found before anything is written, or that prove that nothing was. */
const SURELY_NOT_DONE: ReadonlySet<ErrorCode> = new Set([
  "DISTER_ERR_NO_LEADER",
  "DISTER_ERR_NO_SERVER",
  "DISTER_ERR_NOT_LEADER",
  "DISTER_ERR_NOT_FORMED",
  "DISTER_ERR_BUSY",
  "DISTER_ERR_TRANSFERRING",
  "DISTER_ERR_DROPPED",
  "DISTER_ERR_MEMBERSHIP_PENDING",
]);

const failed = (error: DisterError, maybeDone: boolean, data?: unknown): Outcome => ({
  kind: "error",
  error,
  again: error.retryable,
  maybeDone,
  data,
});

/** Reads a reply of the API, or of whatever answered in its place. */
export function outcomeOf(url: string, status: number, text: string): Outcome {
  const reply = parsed(text);
  if (reply?.["result"] === 1) {
    const { result: _result, message: _message, data, ...marks } = reply;
    return { kind: "data", data, marks };
  }
  if (reply?.["result"] === 0) {
    const error = errorOf(reply["code"], reply["message"]);
    return failed(error, !SURELY_NOT_DONE.has(error.code), reply["data"]);
  }
  const reason = `status ${status} without a reply of dister`;
  // A proxy in between, or a node that is just going down.
  if (status >= 500) return failed(new DisterError("DISTER_ERR_PEER_UNREACHABLE", { peer: url, reason }), true);
  return failed(new DisterError("DISTER_ERR_MESSAGE", { reason }), true);
}

/** Reads why no reply came at all. */
export function networkOutcome(url: string, thrown: unknown): Outcome {
  const leaf = leafOf(thrown);
  const code = typeof leaf["code"] === "string" ? leaf["code"] : undefined;
  // The platform's list of ports that belong to other protocols: nothing was sent, and nothing ever will be.
  const isBadPort = leaf["message"] === "bad port";
  const reason = code ?? (isBadPort ? "fetch never asks this port: give the API another" : "the connection failed");
  const error = new DisterError("DISTER_ERR_PEER_UNREACHABLE", { peer: url, reason }, { cause: thrown });
  // Nothing was sent where no connection came about. A browser does not say so: there everything may be done.
  const connected =
    !isBadPort &&
    leaf["syscall"] !== "connect" &&
    leaf["syscall"] !== "getaddrinfo" &&
    code !== "UND_ERR_CONNECT_TIMEOUT";
  return failed(error, connected);
}

function parsed(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function errorOf(code: unknown, message: unknown): DisterError {
  const known = typeof code === "string" && Object.hasOwn(ERRORS, code);
  const options = typeof message === "string" && message !== "" ? { message } : {};
  return new DisterError(known ? (code as ErrorCode) : "DISTER_ERR_INTERNAL", {}, options);
}

/** The error at the root: fetch wraps it, and several addresses of one name wrap it once more. */
function leafOf(thrown: unknown): Readonly<Record<string, unknown>> {
  let error: unknown = thrown;
  for (let depth = 0; depth < 5; depth++) {
    if (error instanceof AggregateError && error.errors.length > 0) error = error.errors[0];
    else if (error instanceof Error && error.cause !== undefined) error = error.cause;
    else break;
  }
  return typeof error === "object" && error !== null ? (error as Record<string, unknown>) : {};
}
