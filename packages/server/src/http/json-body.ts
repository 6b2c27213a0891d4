import { isUtf8 } from "node:buffer";
import { DisterError } from "@dister/types";

/**
 * Reads a request body. Strict: a decoder that puts U+FFFD in the place of bad bytes would store what nobody sent.
 * @throws DisterError `DISTER_ERR_BODY`; says nothing of the content, which may hold secrets.
 */
export function parseJsonBody(body: Buffer): unknown {
  if (body.length === 0) throw new DisterError("DISTER_ERR_BODY", { reason: "it is empty" });
  if (!isUtf8(body)) throw new DisterError("DISTER_ERR_BODY", { reason: "it is not UTF-8" });
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    throw new DisterError("DISTER_ERR_BODY", { reason: "it is not JSON" });
  }
}
