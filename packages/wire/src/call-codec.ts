import { DisterError, ERRORS, type ErrorCode, type ErrorDetails, isDisterError } from "@dister/types";
import { ByteWriter, badMessage } from "./byte-writer.ts";
import { allocateFrame, encodeFrame, FRAME_HEADER_BYTES, FRAME_KIND, sealFrame } from "./frame.ts";

const METHOD = /^[\x20-\x7e]{1,64}$/;
const MESSAGE_CHARS_MAX = 4_096;

/** Makes the frame of a call: length of the method (1 byte), method in ASCII, body. */
export function encodeCall(correlation: number, method: string, body: Uint8Array): Uint8Array {
  if (!METHOD.test(method)) {
    throw new DisterError("DISTER_ERR_INVALID", {
      field: "method",
      got: method,
      allowed: "1 to 64 characters of ASCII",
    });
  }
  const frame = allocateFrame(1 + method.length + body.length);
  const out = new ByteWriter(frame, FRAME_HEADER_BYTES);
  out.u8(method.length);
  out.raw(Buffer.from(method, "latin1"));
  out.raw(body);
  return sealFrame(frame, { kind: FRAME_KIND.call, correlation });
}

/** Reads the body of a call; the call's own body is a view. @throws DisterError `DISTER_ERR_MESSAGE`. */
export function decodeCall(bytes: Uint8Array): { readonly method: string; readonly body: Uint8Array } {
  const end = 1 + (bytes[0] ?? 0);
  const method = Buffer.from(bytes.subarray(1, end)).toString("latin1");
  if (end > bytes.length || !METHOD.test(method)) throw badMessage("a call names no method");
  return { method, body: bytes.subarray(end) };
}

/** Makes the frame that tells the caller what went wrong. Only errors of the catalogue show what they are. */
export function encodeFailureFrame(correlation: number, error: unknown): Uint8Array {
  const told = isDisterError(error) ? error : new DisterError("DISTER_ERR_INTERNAL");
  const { code, details } = told;
  const message = told.message.slice(0, MESSAGE_CHARS_MAX);
  const body = Buffer.from(JSON.stringify({ code, message, details }), "utf8");
  return encodeFrame({ kind: FRAME_KIND.failure, correlation }, body);
}

/**
 * Reads the peer's error. A code that this version does not know becomes `DISTER_ERR_INTERNAL`.
 * @throws DisterError `DISTER_ERR_MESSAGE` when it is none.
 */
export function decodeFailure(bytes: Uint8Array): DisterError {
  const read = parse(bytes);
  if (typeof read !== "object" || read === null) throw badMessage("a failure is not an object");
  const { code, message, details } = read as Record<string, unknown>;
  if (typeof code !== "string" || typeof message !== "string") throw badMessage("a failure has no code or no message");
  if (!isCode(code)) return new DisterError("DISTER_ERR_INTERNAL");
  return new DisterError(code, plainDetails(details), { message });
}

function isCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERRORS, code);
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw badMessage("a failure is not JSON");
  }
}

function plainDetails(details: unknown): ErrorDetails {
  if (typeof details !== "object" || details === null) throw badMessage("a failure has no details");
  const plain: Record<string, string | number | boolean | null> = {};
  for (const [name, value] of Object.entries(details) as [string, unknown][]) {
    const fits = value === null || typeof value === "string" || typeof value === "number" || typeof value === "boolean";
    if (!fits || name === "__proto__") throw badMessage("a detail of a failure is not plain");
    plain[name] = value;
  }
  return plain;
}
