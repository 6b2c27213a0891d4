import type { ReplyMarks } from "@dister/client";
import type { ExitCode } from "./exit-code.ts";
import { type Reply, staleText } from "./output.ts";
import { type Column, printable, tableOf } from "./table.ts";

/** An answer that is a table, and may be watched. */
export interface View {
  /** For programs, as {@link Reply.data}. */
  readonly data: unknown;
  /** One line above the table. */
  readonly heading?: string;
  readonly columns: readonly Column[];
  readonly rows: readonly Row[];
  /** Lines below the table, drawn anew each time: that they differ is no change. */
  readonly below?: readonly string[];
  /** What the reply said of the value, beside it. */
  readonly marks?: ReplyMarks;
  /** What stands in place of a table without rows. */
  readonly empty?: string;
  /** How a run that shows it once ends; done unless given. */
  readonly exitCode?: ExitCode;
}

export interface Row {
  /** Tells the row from the others, however they change. */
  readonly key: string;
  /** Text of any kind: what could steer a terminal is taken out when it is shown. */
  readonly cells: readonly string[];
  /** What makes another of it; the cells unless given. A figure that is measured anew each time is no change. */
  readonly compared?: string;
}

/** The view as an answer that is shown once. */
export function replyOf(view: View): Reply {
  const { data, exitCode, marks = {} } = view;
  const text = viewText(view);
  return { data, text, marks, ...(exitCode === undefined ? {} : { exitCode }) };
}

/** The view for people, without the newline at the end. */
export function viewText({ heading, columns, rows, below = [], empty, marks = {} }: View): string {
  const stale = staleText(marks);
  const cells = rows.map((row) => row.cells);
  const table = rows.length === 0 && empty !== undefined ? empty : tableOf(columns, cells);
  return [
    ...(heading === undefined ? [] : [printable(heading), ""]),
    table,
    ...(below.length === 0 ? [] : ["", ...below.map(printable)]),
    ...(stale === undefined ? [] : ["", stale]),
  ].join("\n");
}

/** What has to differ for a row to be another. */
export function comparedOf({ cells, compared }: Row): string {
  return compared ?? JSON.stringify(cells);
}

/**
 * What has to differ for a view to be another: whether it is old, and its data, or its rows where some of the data are
 * measured anew each time.
 */
export function signatureOf({ data, heading, rows, marks }: View): string {
  const measured = rows.some(({ compared }) => compared !== undefined);
  return JSON.stringify([marks?.stale === true, measured ? [heading, rows.map(comparedOf)] : data]);
}
