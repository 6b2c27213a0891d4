import type { ReplyMarks } from "@dister/client";
import { durationText } from "./commands/units.ts";
import type { ExitCode } from "./exit-code.ts";
import type { Failure } from "./failure.ts";
import type { Io } from "./io.ts";

/** What a command answers. */
export interface Reply {
  /** For programs: what `--json` shows under `data`. */
  readonly data: unknown;
  /** For people, without the newline at the end. */
  readonly text: string;
  /** What the node said of the data, beside them. */
  readonly marks?: ReplyMarks;
  /** A line for standard error, beside an answer that has no place for it. */
  readonly note?: string;
  /** How the run ends; done unless given. */
  readonly exitCode?: ExitCode;
}

/** The answer of a command that only did something. */
export function done(data: unknown = null): Reply {
  return { data, text: "ok" };
}

/** JSON as the original showed it. */
export function indented(data: unknown): Reply {
  return { data, text: JSON.stringify(data, null, 4) };
}

/** An answer with what the node said of the data; that they may be old is said to people as well. */
export function withMarks(reply: Reply, marks: ReplyMarks): Reply {
  const note = staleText(marks);
  return { ...reply, marks, ...(note === undefined ? {} : { note }) };
}

/** Shows an answer: with `json` as exactly one document in one line. */
export function showReply(io: Io, json: boolean, reply: Reply): void {
  const document = { result: 1, message: "ok", data: reply.data, ...reply.marks };
  io.stdout.write(json ? `${JSON.stringify(document)}\n` : `${reply.text}\n`);
  if (!json && reply.note !== undefined) io.stderr.write(`${reply.note}\n`);
}

/** Says that what a client node knows may be old, and how old; undefined when it is not. */
export function staleText({ stale, ageMs = 0 }: ReplyMarks): string | undefined {
  if (stale !== true) return undefined;
  return `may be old: the client node that answers is connected to no server; nothing was missing ${durationText(ageMs)} ago`;
}

/** Shows a failure: with `json` on standard output, so that a program always has one document to read there. */
export function showFailure(io: Io, json: boolean, { message, code, text }: Failure): void {
  if (json) io.stdout.write(`${JSON.stringify({ result: 0, message, code })}\n`);
  else io.stderr.write(`${text}\n`);
}
