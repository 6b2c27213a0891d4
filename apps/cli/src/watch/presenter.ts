import type { Failure } from "../failure.ts";
import { printable } from "../table.ts";
import type { View } from "../view.ts";

/** Shows what a watch sees, as it sees it. */
export interface Presenter {
  show(view: View): void;
  /** Nobody answered, or what came was a refusal; asked again is all the same. */
  fail(failure: Failure): void;
}

/** A failure in one line, without the advice for somebody who asks once. */
export function failureLine({ text }: Failure): string {
  return printable(text.split("\n").slice(0, 2).join("; "));
}
