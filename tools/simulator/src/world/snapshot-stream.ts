/** The pieces of one snapshot on their way: pushed on one side, read on the other, broken at any moment. */
export class SnapshotStream implements AsyncIterable<Uint8Array> {
  readonly #pieces: Uint8Array[] = [];
  #over = false;
  #error: Error | null = null;
  #wake: () => void = () => {};

  push(piece: Uint8Array): void {
    this.#pieces.push(piece);
    this.#wake();
  }

  end(): void {
    this.#over = true;
    this.#wake();
  }

  /** Ends the stream in the middle, unless it has ended. */
  fail(error: Error): void {
    if (!this.#over) this.#error ??= error;
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (;;) {
      if (this.#error !== null) throw this.#error;
      const piece = this.#pieces.shift();
      if (piece !== undefined) yield piece;
      else if (this.#over) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}
