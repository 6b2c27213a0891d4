import type { Failure } from "../failure.ts";
import type { Io } from "../io.ts";
import { lengthOf, printable } from "../table.ts";
import { signatureOf, type View, viewText } from "../view.ts";
import { failureLine, type Presenter } from "./presenter.ts";

/** Lines of a terminal that does not say how many it has. */
const ROWS_DEFAULT = 24;

const CLEAR = "\u001b[2J";
const HOME = "\u001b[H";
const TO_LINE_END = "\u001b[K";
const TO_SCREEN_END = "\u001b[J";
/** A line that is too long ends at the border in place of going on in the next one. */
const [CUT, WRAP] = ["\u001b[?7l", "\u001b[?7h"];

/** For a terminal: the newest, drawn over what was there when something of it is another. */
export class Screen implements Presenter {
  readonly #io: Io;
  readonly #now: () => string;
  readonly #from: string;
  #newest: { readonly text: string; readonly signature: string; readonly changed: string } | undefined;
  #failure: { readonly line: string; readonly since: string } | undefined;
  #drawn: { readonly frame: string; readonly columns: number } | undefined;

  /**
   * @param now - this moment, for people.
   * @param from - who is asked.
   */
  constructor(io: Io, now: () => string, from: string) {
    this.#io = io;
    this.#now = now;
    this.#from = from;
  }

  show(view: View): void {
    const signature = signatureOf(view);
    const changed = this.#newest?.signature === signature ? this.#newest.changed : this.#now();
    this.#newest = { text: viewText(view), signature, changed };
    this.#failure = undefined;
    this.#draw();
  }

  fail(failure: Failure): void {
    this.#failure = { line: failureLine(failure), since: this.#failure?.since ?? this.#now() };
    this.#draw();
  }

  #draw(): void {
    // A terminal that does not know its size says 0.
    const rows = this.#io.stdout.rows || ROWS_DEFAULT;
    const columns = this.#io.stdout.columns || Number.POSITIVE_INFINITY;
    const frame = fitting(this.#lines(), rows, columns).join(`${TO_LINE_END}\n`);
    // One that is wider now shows what was cut off only when it is drawn again.
    if (frame === this.#drawn?.frame && columns === this.#drawn.columns) return;
    const first = this.#drawn === undefined ? CLEAR : "";
    this.#drawn = { frame, columns };
    this.#io.stdout.write(`${first}${CUT}${HOME}${frame}${TO_LINE_END}\n${TO_SCREEN_END}${WRAP}`);
  }

  #lines(): string[] {
    const newest = this.#newest;
    const changed = newest === undefined ? "" : `; changed ${newest.changed}`;
    const lines = [printable(`asks ${this.#from} every second${changed}; Ctrl-C ends`)];
    if (this.#failure !== undefined) {
      const old = newest === undefined ? "" : "; below is what was answered before";
      lines.push(`since ${this.#failure.since}: ${this.#failure.line}${old}`);
    }
    return newest === undefined ? lines : [...lines, "", ...newest.text.split("\n")];
  }
}

/**
 * As many lines as the terminal has but one, in which the cursor stands. What is left out is said, and that lines are cut off
 * at the border; the first one, which says the same all the time, does not count.
 */
function fitting(lines: readonly string[], rows: number, columns: number): readonly string[] {
  const room = Math.max(2, rows - 1);
  const isCut = lines.slice(1).some((line) => lengthOf(line) > columns);
  if (lines.length + (isCut ? 1 : 0) <= room) return isCut ? [...lines, "longer lines than the terminal has"] : lines;
  const left = lines.length - (room - 1);
  return [...lines.slice(0, room - 1), `${left} more lines${isCut ? ", and longer ones," : ""} than the terminal has`];
}
