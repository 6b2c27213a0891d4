import type { Clock } from "@dister/types";
import type { Io } from "../io.ts";

/** The wish to end: once gracefully, the second time at once. */
export class StopWish {
  readonly first: Promise<void>;
  readonly second: Promise<void>;
  readonly #ignore: () => void;

  /** @param sameSignalMs - signals within this are one wish: a terminal and whoever started us may both send it. */
  constructor(io: Io, clock: Clock, sameSignalMs: number) {
    let firstMs: number | null = null;
    const first = Promise.withResolvers<void>();
    const second = Promise.withResolvers<void>();
    this.first = first.promise;
    this.second = second.promise;
    this.#ignore = io.onSignal(() => {
      if (firstMs === null) {
        firstMs = clock.nowMs();
        first.resolve();
      } else if (clock.nowMs() - firstMs >= sameSignalMs) second.resolve();
    });
  }

  /** Listens no more: a signal then does what it always does. */
  close(): void {
    this.#ignore();
  }
}
