import { crc32 } from "node:zlib";

/** Everything that happened in a run, as text. Two runs of one seed give the same bytes, or the simulator is at fault. */
export class Trace {
  readonly #lines: string[] | null;
  #checksum = 0;

  /** @param keep - keeps the text; otherwise only its checksum. */
  constructor(keep: boolean) {
    this.#lines = keep ? [] : null;
  }

  event(atMs: number, label: string): void {
    this.line(`${atMs.toFixed(3)} ${label}`);
  }

  line(text: string): void {
    this.#checksum = crc32(text, this.#checksum);
    this.#lines?.push(text);
  }

  /** A number that differs when anything differs. */
  get checksum(): number {
    return this.#checksum;
  }

  /** Empty unless it was kept. */
  get text(): string {
    return (this.#lines ?? []).map((line) => `${line}\n`).join("");
  }
}
