import type { DisterError } from "@dister/types";

/** Callers that wait until an index is applied. */
export class AppliedWaiters {
  #waiting: { readonly index: number; readonly resolve: () => void; readonly reject: (error: DisterError) => void }[] =
    [];

  wait(index: number): Promise<void> {
    return new Promise((resolve, reject) => this.#waiting.push({ index, resolve, reject }));
  }

  applied(index: number): void {
    if (this.#waiting.length === 0) return;
    const due = this.#waiting.filter((waiter) => waiter.index <= index);
    if (due.length === 0) return;
    this.#waiting = this.#waiting.filter((waiter) => waiter.index > index);
    for (const { resolve } of due) resolve();
  }

  rejectAll(error: () => DisterError): void {
    for (const { reject } of this.#waiting.splice(0)) reject(error());
  }
}
