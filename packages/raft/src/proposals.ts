import { DisterError, type LogPosition } from "@dister/types";

/** What a proposal came to. */
export interface Applied<R> extends LogPosition {
  readonly result: R | undefined;
}

interface Waiting<R> {
  readonly term: number;
  readonly resolve: (applied: Applied<R>) => void;
  readonly reject: (error: DisterError) => void;
}

/** Proposals of this leader that are not applied yet, by index. */
export class Proposals<R> {
  readonly #waiting = new Map<number, Waiting<R>>();

  wait(position: LogPosition): Promise<Applied<R>> {
    return new Promise((resolve, reject) => {
      this.#waiting.set(position.index, { term: position.term, resolve, reject });
    });
  }

  /** An entry was applied. Another term at the index proves that the proposal was overwritten. */
  resolve(position: LogPosition, result: R | undefined): void {
    const waiting = this.#waiting.get(position.index);
    if (waiting === undefined) return;
    this.#waiting.delete(position.index);
    if (waiting.term === position.term) waiting.resolve({ ...position, result });
    else waiting.reject(new DisterError("DISTER_ERR_DROPPED"));
  }

  /** Nobody will tell any more how these end: they may or may not be done. */
  rejectAll(error: () => DisterError): void {
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(error());
  }
}
