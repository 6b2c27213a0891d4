/** Bytes of proposals by index, in order: how much is proposed and not committed yet. */
export class ByteWindow {
  #items: { readonly index: number; readonly bytes: number }[] = [];
  #head = 0;
  #total = 0;

  get total(): number {
    return this.#total;
  }

  add(index: number, bytes: number): void {
    this.#items.push({ index, bytes });
    this.#total += bytes;
  }

  /** Everything up to `index` is committed. */
  release(index: number): void {
    while (this.#head < this.#items.length && this.#items[this.#head]!.index <= index) {
      this.#total -= this.#items[this.#head++]!.bytes;
    }
    if (this.#head > 1_024 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
  }

  clear(): void {
    this.#items = [];
    this.#head = 0;
    this.#total = 0;
  }
}
