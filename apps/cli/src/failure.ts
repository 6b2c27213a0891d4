import { DisterError, type ErrorCode, isDisterError } from "@dister/types";
import { CommanderError } from "commander";
import { EXIT, type ExitCode } from "./exit-code.ts";

/** Why a command failed, as it is shown and answered. */
export interface Failure {
  /** Mostly one line. */
  readonly message: string;
  readonly code: ErrorCode;
  readonly exitCode: ExitCode;
  /** Lines for standard error, without the newline at the end. */
  readonly text: string;
}

/** A command that ends by its own word; the text is shown as it stands, without `ERROR:` before it. */
export class Refusal extends DisterError {
  readonly exitCode: ExitCode;

  constructor(code: ErrorCode, message: string, exitCode: ExitCode) {
    super(code, {}, { message });
    this.exitCode = exitCode;
  }
}

/** What was asked when an error came. */
export interface Asked {
  readonly urls: readonly string[];
  /** True for a command that changes something. */
  readonly change: boolean;
}

/** Says what an error means to the caller of the program. */
export function failureOf(error: unknown, asked: Asked): Failure {
  if (error instanceof CommanderError) return usageFailure(error.message.replace(/^error: /, "").replaceAll("\n", " "));
  if (error instanceof Refusal) {
    return { message: error.message, code: error.code, exitCode: error.exitCode, text: error.message };
  }
  if (!isDisterError(error)) {
    const message = `internal error: ${error instanceof Error ? error.message : String(error)}`;
    return { message, code: "DISTER_ERR_INTERNAL", exitCode: EXIT.failed, text: `ERROR: ${message}` };
  }
  if (error.code === "DISTER_ERR_PEER_UNREACHABLE" && isOurs(error)) return unreachableFailure(error, asked.urls);
  const exitCode = asked.change && maybeDone(error) ? EXIT.unknown : exitCodeOf(error);
  const hint =
    error.code === "DISTER_ERR_UNKNOWN_OUTCOME" ? "\nto find out, repeat the command with this id as --request-id" : "";
  return { message: error.message, code: error.code, exitCode, text: `ERROR: ${error.message}${hint}` };
}

function usageFailure(message: string): Failure {
  const text = `ERROR: ${message}\nThe commands and their arguments: dister help`;
  return { message, code: "DISTER_ERR_INVALID", exitCode: EXIT.usage, text };
}

function unreachableFailure(error: DisterError, urls: readonly string[]): Failure {
  const local = urls.every((url) => /^https?:\/\/(127\.\d+\.\d+\.\d+|localhost|\[::1\])(:|\/|$)/.test(url));
  const message = `connect to ${local ? "local " : ""}dister api failed`;
  const asked = `asked ${urls.join(", ")}: ${String(error.details["reason"])}`;
  const hint = local ? "\n`dister up` starts a cluster on this machine; --api names another node" : "";
  return { message, code: error.code, exitCode: EXIT.unreachable, text: `ERROR: ${message}\n${asked}${hint}` };
}

function exitCodeOf(error: DisterError): ExitCode {
  switch (error.code) {
    case "DISTER_ERR_KEY_NOT_FOUND":
    case "DISTER_ERR_SERVICE_NOT_FOUND":
    case "DISTER_ERR_INSTANCE_NOT_FOUND":
      return EXIT.notFound;
    case "DISTER_ERR_UNKNOWN_OUTCOME":
      return EXIT.unknown;
    case "DISTER_ERR_INVALID":
      return isOurs(error) ? EXIT.usage : EXIT.failed;
    case "DISTER_ERR_TIMEOUT":
      return isOurs(error) ? EXIT.unreachable : EXIT.failed;
    default:
      return EXIT.failed;
  }
}

/** True for an error of the node itself, or of something in between, that says nothing of a change. */
function maybeDone(error: DisterError): boolean {
  if (error.code === "DISTER_ERR_TIMEOUT" || error.code === "DISTER_ERR_MESSAGE") return true;
  return error.status >= 500 && !error.retryable;
}

/** True for what was found out here. An error that a node sent has its text already filled in and no details. */
function isOurs(error: DisterError): boolean {
  return Object.keys(error.details).length > 0;
}
