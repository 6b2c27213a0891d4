import type { ExitCode } from "./exit-code.ts";
import type { Failure } from "./failure.ts";
import type { Io } from "./io.ts";

/** What a command answers. */
export interface Reply {
  /** For programs: what `--json` shows under `data`. */
  readonly data: unknown;
  /** For people, without the newline at the end. */
  readonly text: string;
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

/** Shows an answer: with `json` as exactly one document in one line. */
export function showReply(io: Io, json: boolean, reply: Reply): void {
  io.stdout.write(json ? `${JSON.stringify({ result: 1, message: "ok", data: reply.data })}\n` : `${reply.text}\n`);
}

/** Shows a failure: with `json` on standard output, so that a program always has one document to read there. */
export function showFailure(io: Io, json: boolean, { message, code, text }: Failure): void {
  if (json) io.stdout.write(`${JSON.stringify({ result: 0, message, code })}\n`);
  else io.stderr.write(`${text}\n`);
}
