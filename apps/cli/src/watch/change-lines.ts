import type { Failure } from "../failure.ts";
import type { Io } from "../io.ts";
import { staleText } from "../output.ts";
import { printable, tableOf } from "../table.ts";
import { comparedOf, type Row, type View, viewText } from "../view.ts";
import { failureLine, type Presenter } from "./presenter.ts";

/** For a file or a pipe: the whole first, then a line with the time for each row that is new, another, or gone. */
export class ChangeLines implements Presenter {
  readonly #io: Io;
  readonly #now: () => string;
  #before: View | undefined;
  /** Code of the failure that was told last, while it lasts. */
  #failure: string | undefined;

  /** @param now - this moment, for people. */
  constructor(io: Io, now: () => string) {
    this.#io = io;
    this.#now = now;
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
    const lines = [...ageChanges(before, view), ...headingChanges(before, view), ...rowChanges(before, view)];
    return lines.map((line) => `${this.#now()} ${line}\n`);
  }
}

/** That an answer may be old is said when it begins and when it ends, not as it grows older. */
function ageChanges(before: View, view: View): string[] {
  const [wasStale, stale] = [staleText(before.marks ?? {}), staleText(view.marks ?? {})];
  if ((stale === undefined) === (wasStale === undefined)) return [];
  return [`now ${stale ?? "not old any more: a server is connected"}`];
}

function headingChanges(before: View, { heading }: View): string[] {
  return heading === undefined || heading === before.heading ? [] : [`now ${printable(heading)}`];
}

function rowChanges(before: View, view: View): string[] {
  const gone = new Map(shownRows(before).map((shown) => [shown.row.key, shown]));
  const lines: string[] = [];
  for (const { row, text } of shownRows(view)) {
    const known = gone.get(row.key)?.row;
    gone.delete(row.key);
    if (known === undefined) lines.push(`new ${text}`);
    else if (comparedOf(known) !== comparedOf(row)) lines.push(`now ${text}`);
  }
  return [...lines, ...[...gone.values()].map(({ text }) => `gone ${text}`)];
}

interface ShownRow {
  readonly row: Row;
  /** As wide as it is in its table, without the titles. */
  readonly text: string;
}

function shownRows({ columns, rows }: View): ShownRow[] {
  const cells = rows.map((row) => row.cells);
  const [, ...texts] = tableOf(columns, cells).split("\n");
  return rows.map((row, position) => ({ row, text: texts[position]! }));
}
