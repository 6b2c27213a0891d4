/** One row of the error catalogue. `message` holds `{name}` placeholders that are filled from `details`. */
export interface ErrorKind {
  readonly message: string;
  /** HTTP status of a reply that carries this error. */
  readonly status: number;
  /** True when the same request may succeed a little later without being changed. */
  readonly retryable: boolean;
}

const kind = (status: number, message: string, retryable = false): ErrorKind =>
  Object.freeze({ message, status, retryable });

/** The error catalogue: each code is defined here once; docs/reference/errors.md repeats it and a test keeps both equal. */
export const ERRORS = Object.freeze({
  DISTER_ERR_INVALID: kind(400, "{field}: got {got}, allowed is {allowed}"),
  DISTER_ERR_CONFIG: kind(500, "{key}: got {got}, allowed is {allowed}"),
  DISTER_ERR_BODY: kind(400, "the request body is not usable: {reason}"),
  DISTER_ERR_TOO_LARGE: kind(413, "{field}: {bytes} bytes, allowed are {allowed}"),
  DISTER_ERR_ROUTE: kind(404, "no such call: {method} {path}"),
  DISTER_ERR_FORBIDDEN: kind(403, "refused: {reason}"),

  DISTER_ERR_KEY_NOT_FOUND: kind(404, "data not found"),
  DISTER_ERR_TOO_MANY_KEYS: kind(400, "too large data size, need a key, a prefix or a page to search"),
  DISTER_ERR_SERVICE_NOT_FOUND: kind(404, "no service named '{name}'"),
  DISTER_ERR_INSTANCE_NOT_FOUND: kind(404, "service '{name}' has no instance '{id}'"),
  DISTER_ERR_NO_HEALTHY_NODE: kind(503, "no nodes of this service are alive", true),

  DISTER_ERR_NO_LEADER: kind(503, "leader not found, please try again after leader election done", true),
  DISTER_ERR_NO_SERVER: kind(503, "this client node is connected to no server that can answer: {reason}", true),
  DISTER_ERR_NOT_LEADER: kind(503, "this node is not the leader, {leader} is", true),
  DISTER_ERR_NOT_FORMED: kind(503, "this node belongs to no cluster yet: {reason}", true),
  DISTER_ERR_UNKNOWN_OUTCOME: kind(
    504,
    "the outcome of request {requestId} is unknown; repeating it with the same id is safe",
    true,
  ),
  DISTER_ERR_TIMEOUT: kind(504, "{what} took longer than {timeoutMs} ms", true),
  DISTER_ERR_BUSY: kind(503, "{what} is at its limit of {limit}", true),
  DISTER_ERR_TRANSFERRING: kind(503, "leadership is being handed over", true),
  DISTER_ERR_DROPPED: kind(503, "the proposal was overwritten by another leader and is surely not done", true),
  DISTER_ERR_STOPPED: kind(503, "{what} has stopped", true),

  DISTER_ERR_MEMBERSHIP_PENDING: kind(503, "another membership change is under way", true),
  DISTER_ERR_MEMBERSHIP: kind(409, "the membership change is refused: {reason}"),
  DISTER_ERR_STATE_VERSION: kind(409, "the cluster's state version is {inForce}: {reason}"),
  DISTER_ERR_FOUNDING: kind(409, "the founding proposal is refused: {reason}"),
  DISTER_ERR_IDENTITY: kind(500, "the data folder cannot be used: {reason}"),

  DISTER_ERR_PEER_UNREACHABLE: kind(503, "peer {peer} is not reachable: {reason}", true),
  DISTER_ERR_PEER_METHOD: kind(501, "peer {peer} does not know the call {method}"),
  DISTER_ERR_HANDSHAKE: kind(403, "handshake with {peer} refused: {reason}"),
  DISTER_ERR_FRAME: kind(400, "bad frame: {reason}"),
  DISTER_ERR_MESSAGE: kind(400, "bad message: {reason}"),

  DISTER_ERR_LOG_GAP: kind(500, "log entries must follow index {lastIndex}, got {index}"),
  DISTER_ERR_LOG_COMPACTED: kind(500, "log entry {index} is no longer kept, the first is {firstIndex}"),
  DISTER_ERR_LOG_CORRUPT: kind(500, "the log is damaged: {file} at byte {offset}: {reason}"),
  DISTER_ERR_LOCKED: kind(500, "{path} is in use by process {pid}"),
  DISTER_ERR_DISK_FULL: kind(507, "no space left for {path}", true),
  DISTER_ERR_DISK: kind(500, "{operation} of {path} failed: {reason}"),
  DISTER_ERR_STORE: kind(500, "the database cannot be used: {reason}"),
  DISTER_ERR_SNAPSHOT: kind(500, "the snapshot is refused: {reason}"),
  DISTER_ERR_COMMAND: kind(500, "a log entry holds a command that cannot be decoded: {reason}"),
  DISTER_ERR_INTERNAL: kind(500, "internal error"),
} as const satisfies Record<string, ErrorKind>);

/** Every code that a {@link DisterError} can carry. */
export type ErrorCode = keyof typeof ERRORS;

/** Values that fill a message; they travel to clients, so no secret ever goes in. */
export type ErrorDetails = Readonly<Record<string, string | number | boolean | null>>;

function fill(template: string, details: ErrorDetails): string {
  return template.replace(/\{(\w+)\}/g, (whole, name: string) =>
    Object.hasOwn(details, name) ? String(details[name]) : whole,
  );
}

/**
 * An operating error: something that can go wrong in a sound system. Callers match `code`, never the message.
 * A broken invariant is not one of these: it is an assertion that stops the node.
 */
export class DisterError extends Error {
  override readonly name = "DisterError";
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, details: ErrorDetails = {}, options?: { cause?: unknown; message?: string }) {
    super(options?.message ?? fill(ERRORS[code].message, details), options);
    this.code = code;
    this.details = details;
  }

  /** HTTP status of a reply that carries this error. */
  get status(): number {
    return ERRORS[this.code].status;
  }

  /** True when the same request may succeed a little later without being changed. */
  get retryable(): boolean {
    return ERRORS[this.code].retryable;
  }
}

/** True for a {@link DisterError}, with the given code where one is named. Works across copies of this package. */
export function isDisterError(error: unknown, code?: ErrorCode): error is DisterError {
  if (!(error instanceof Error) || error.name !== "DisterError") return false;
  const found = (error as DisterError).code;
  return Object.hasOwn(ERRORS, found) && (code === undefined || found === code);
}

/**
 * Stops on a broken invariant. Use it for what cannot be unless the code or the disk is wrong; the caller must not
 * catch it to go on.
 */
export function invariant(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(`invariant broken: ${message}`);
}
