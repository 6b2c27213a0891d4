import { momentText } from "../commands/units.ts";
import type { Failure } from "../failure.ts";
import type { Io } from "../io.ts";
import { staleText } from "../output.ts";
import { printable, tableOf } from "../table.ts";
import { comparedOf, type Row, type View, viewText } from "../view.ts";
import { failureLine, type Presenter } from "./presenter.ts";

/** For a file or a pipe: the whole first, then a line with the time for each row that is new, another, or gone. */
export class ChangeLines implements Presenter {
  readonly #io: Io;
  readonly #wallMs: () => number;
  #before: View | undefined;
  /** Code of the failure that was told last, while it lasts. */
  #failure: string | undefined;

  constructor(io: Io, wallMs: () => number) {
    this.#io = io;
    this.#wallMs = wallMs;
  }

  show(view: View): void {
    if (this.#failure !== undefined) this.#io.stderr.write(`${this.#now()} answers again\n`);
    this.#failure = undefined;
    if (this.#before === undefined) this.#io.stdout.write(`${viewText(view)}\n`);
    else this.#io.stdout.write(this.#changes(this.#before, view).join(""));
    this.#before = view;
  }

  fail(failure: Failure): void {
    if (this.#failure === failure.code) return;
    this.#failure = failure.code;
    this.#io.stderr.write(`${this.#now()} ${failureLine(failure)}\n`);
  }

  #changes(before: View, view: View): string[] {
    const line = (word: string, text: string): string => `${this.#now()} ${word} ${text}\n`;
    const old = new Map(before.rows.map((row) => [row.key, row]));
    const textOf = rowTexts(view);
    const lines: string[] = [];
    const [wasStale, stale] = [staleText(before.marks ?? {}), staleText(view.marks ?? {})];
    if (stale !== undefined && wasStale === undefined) lines.push(line("now", stale));
    if (stale === undefined && wasStale !== undefined)
      lines.push(line("now", "not old any more: a server is connected"));
    if (view.heading !== undefined && view.heading !== before.heading) lines.push(line("now", printable(view.heading)));
    for (const row of view.rows) {
      const known = old.get(row.key);
      old.delete(row.key);
      if (known === undefined) lines.push(line("new", textOf.get(row)!));
      else if (comparedOf(known) !== comparedOf(row)) lines.push(line("now", textOf.get(row)!));
    }
    const oldTextOf = rowTexts(before);
    for (const row of old.values()) lines.push(line("gone", oldTextOf.get(row)!));
    return lines;
  }

  #now(): string {
    return momentText(new Date(this.#wallMs()).toISOString());
  }
}

/** Each row as wide as it is in its table, without the titles. */
function rowTexts({ columns, rows }: View): ReadonlyMap<Row, string> {
  const cells = rows.map((row) => row.cells);
  const lines = tableOf(columns, cells).split("\n");
  return new Map(rows.map((row, position) => [row, lines[position + 1]!]));
}
