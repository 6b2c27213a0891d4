import type { Socket } from "node:net";
import type { Chance } from "../chance.ts";
import type { Direction, Links } from "./link.ts";

/** Above this the sender is no longer read, so that its own send buffer fills as behind a real slow link. */
const WAITING_BYTES_MAX = 1024 * 1024;

type Piece = { readonly kind: "bytes"; readonly bytes: Buffer } | { readonly kind: "end" } | { readonly kind: "reset" };

/** One direction of a connection: takes from one socket, gives to the other as the link allows, never out of order. */
export class Pipe {
  readonly #parts: { from: Socket; to: Socket; links: Links; direction: Direction; chance: Chance };
  readonly #waiting: { piece: Piece; dueMs: number }[] = [];
  #waitingBytes = 0;
  #lastDueMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #ended = false;

  constructor(parts: { from: Socket; to: Socket; links: Links; direction: Direction; chance: Chance }) {
    this.#parts = parts;
    const { from, to, links } = parts;
    from.on("data", (bytes: Buffer) => this.#take({ kind: "bytes", bytes }));
    from.on("end", () => this.#take({ kind: "end" }));
    from.on("error", () => this.#take({ kind: "reset" }));
    from.on("close", () => this.#take({ kind: "end" }));
    to.on("drain", () => this.#give());
    const forget = links.onChange(() => this.#give());
    to.on("close", () => {
      forget();
      clearTimeout(this.#timer);
      this.#waiting.length = 0;
    });
  }

  /** Bytes that were read before the pipe was there; they come first. */
  take(bytes: Buffer): void {
    this.#take({ kind: "bytes", bytes });
  }

  #take(piece: Piece): void {
    if (this.#ended || this.#parts.to.destroyed) return;
    if (piece.kind !== "bytes") this.#ended = true;
    const { links, direction, chance, from } = this.#parts;
    const { delayMs, jitterMs, bytesPerSecond } = links.state(direction);
    const length = piece.kind === "bytes" ? piece.bytes.length : 0;
    const jitter = jitterMs === 0 ? 0 : chance.whole(0, Math.round(jitterMs));
    const sentMs = Math.max(performance.now(), bytesPerSecond === Number.POSITIVE_INFINITY ? 0 : this.#lastDueMs);
    this.#lastDueMs = Math.max(this.#lastDueMs, sentMs + delayMs + jitter + (1_000 * length) / bytesPerSecond);
    this.#waiting.push({ piece, dueMs: this.#lastDueMs });
    this.#waitingBytes += length;
    if (this.#waitingBytes > WAITING_BYTES_MAX) from.pause();
    this.#give();
  }

  #give(): void {
    clearTimeout(this.#timer);
    const { to, from, links, direction } = this.#parts;
    while (this.#waiting.length > 0) {
      if (to.destroyed || to.writableNeedDrain || links.state(direction).cut) return;
      const [next] = this.#waiting as [{ piece: Piece; dueMs: number }];
      const leftMs = next.dueMs - performance.now();
      if (leftMs > 0) {
        this.#timer = setTimeout(() => this.#give(), leftMs);
        return;
      }
      this.#waiting.shift();
      this.#pass(next.piece);
    }
    if (from.isPaused() && !from.destroyed) from.resume();
  }

  #pass(piece: Piece): void {
    const { to } = this.#parts;
    if (piece.kind === "end") to.end();
    else if (piece.kind === "reset") to.resetAndDestroy();
    else {
      this.#waitingBytes -= piece.bytes.length;
      to.write(piece.bytes);
    }
  }
}
