import type { Outcome } from "@dister/linearizability";
import { ERRORS } from "@dister/types";

/** How a call ended: with a reply, whose `result` and `code` are undefined when it is not in the API's form, or without. */
export type CallEvent =
  | {
      readonly kind: "reply";
      readonly status: number;
      readonly result: number | undefined;
      readonly code: string | undefined;
    }
  | { readonly kind: "failure"; readonly sent: boolean };

/** The only codes after which a write may have been done all the same, as docs/reference/errors.md says. */
const UNKNOWN_CODES: ReadonlySet<string> = new Set(["DISTER_ERR_UNKNOWN_OUTCOME", "DISTER_ERR_TIMEOUT"]);

/**
 * What a client knows of its call: done, surely not done, or perhaps. The rule of the whole tool. It takes the documentation at its word: whatever code promises that a write was not done is
 * believed, so that a node that breaks the promise is found out. Whoever says nothing that is understood promises nothing.
 */
export function outcomeOf(event: CallEvent): Outcome {
  if (event.kind === "failure") return event.sent ? "unknown" : "refused";
  if (event.result === 1 && event.status >= 200 && event.status < 300) return "ok";
  if (event.status === 504 || event.result !== 0 || event.code === undefined) return "unknown";
  return Object.hasOwn(ERRORS, event.code) && !UNKNOWN_CODES.has(event.code) ? "refused" : "unknown";
}
