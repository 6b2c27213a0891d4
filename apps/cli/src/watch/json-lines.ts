import type { Failure } from "../failure.ts";
import type { Io } from "../io.ts";
import { showFailure, showReply } from "../output.ts";
import { replyOf, signatureOf, type View } from "../view.ts";
import type { Presenter } from "./presenter.ts";

/** One JSON document in a line for each change, and one for a failure when it begins. */
export class JsonLines implements Presenter {
  readonly #io: Io;
  /** Signature of the view that was shown last, or the code of a failure. */
  #last = "";

  constructor(io: Io) {
    this.#io = io;
  }

  show(view: View): void {
    const seen = signatureOf(view);
    if (seen === this.#last) return;
    this.#last = seen;
    showReply(this.#io, true, replyOf(view));
  }

  fail(failure: Failure): void {
    if (failure.code === this.#last) return;
    this.#last = failure.code;
    showFailure(this.#io, true, failure);
  }
}
