import type { Io } from "../src/index.ts";

/** A world for one run: keeps what is written, and sends signals when it is told to. */
export class Capture implements Io {
  out = "";
  err = "";
  readonly env: Record<string, string | undefined>;
  readonly command = "dister";
  readonly #listeners = new Set<() => void>();
  readonly #waiting = new Set<() => void>();

  constructor(env: Record<string, string | undefined> = {}) {
    this.env = env;
  }

  readonly stdout: Io["stdout"] = { write: (text) => this.#note(() => (this.out += text)) };
  readonly stderr = { write: (text: string) => this.#note(() => (this.err += text)) };

  onSignal(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** How many listen to signals. */
  get listeners(): number {
    return this.#listeners.size;
  }

  signal(): void {
    for (const listener of this.#listeners) listener();
  }

  /** Resolves with the first match in what was written to standard output, now or later. */
  async seen(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.out);
      if (match !== null) return match;
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  #note(add: () => void): void {
    add();
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}
