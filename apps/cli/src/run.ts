import { systemClock } from "@dister/types/system";
import { type Command, CommanderError } from "commander";
import { connect, type GlobalOptions, urlsOf } from "./connection.ts";
import { runDaemonCommand } from "./daemon-command.ts";
import { EXIT, type ExitCode } from "./exit-code.ts";
import { failureOf } from "./failure.ts";
import type { Io } from "./io.ts";
import { type Reply, showFailure, showReply } from "./output.ts";
import { buildProgram } from "./program.ts";
import { up } from "./up/up.ts";
import { watch } from "./watch/watch.ts";

/** A node that hangs is to be seen soon by who watches. */
const WATCH_TIMEOUT_MS = 3_000;

/** What a run may be given in place of its own. */
export interface RunOptions {
  /** Path of the script that `dister up` and the commands on stopped nodes start; default: the `disterd` of `@dister/daemon`. */
  readonly daemon?: string;
}

/**
 * Runs one command to its end.
 * @param argv - the arguments alone, without the program's own name.
 * @returns the exit code; everything that is to be said has been written to `io`. Never rejects.
 */
export async function run(argv: readonly string[], io: Io, options: RunOptions = {}): Promise<ExitCode> {
  let exitCode: ExitCode = EXIT.done;
  let written = "";
  const asked = { urls: [] as readonly string[], change: false };
  const program: Command = buildProgram(
    {
      async ask(work) {
        const globals = program.opts<GlobalOptions>();
        asked.urls = urlsOf(globals, io);
        const reply = await work(connect(globals, asked.urls));
        show(reply);
        exitCode = reply.exitCode ?? EXIT.done;
      },
      change(work) {
        asked.change = true;
        return this.ask(work);
      },
      async watch(look) {
        const { timeout = WATCH_TIMEOUT_MS, json = false, ...globals } = program.opts<GlobalOptions>();
        asked.urls = urlsOf(globals, io);
        const connection = connect({ ...globals, timeout }, asked.urls);
        const components = { io, clock: systemClock };
        exitCode = await watch((signal) => look(connection, signal), { json, urls: asked.urls }, components);
      },
      async up(upOptions) {
        const { json = false } = program.opts<GlobalOptions>();
        exitCode = await up({ ...upOptions, json }, { io, ...options });
      },
      async daemon(args) {
        const { json = false } = program.opts<GlobalOptions>();
        exitCode = await runDaemonCommand(json ? [...args, "--json"] : args, io, options.daemon);
      },
      show: (reply) => show(reply),
    },
    (root) =>
      root.exitOverride().configureOutput({
        writeOut: (text) => {
          written += text;
        },
        writeErr: (text) => {
          written += text;
        },
        outputError: () => {},
      }),
  );
  const show = (reply: Reply): void => showReply(io, program.opts<GlobalOptions>().json === true, reply);

  try {
    await program.parseAsync(argv, { from: "user" });
    return exitCode;
  } catch (error) {
    // The option may stand behind what could not be understood.
    const json = argv.slice(0, endOfOptions(argv)).includes("--json");
    if (error instanceof CommanderError && error.exitCode === 0) {
      showReply(io, json, { data: written.trimEnd(), text: written.trimEnd() });
      return EXIT.done;
    }
    if (error instanceof CommanderError && written !== "" && !json) {
      // A group of commands was called without one of them: its help says what there is.
      io.stderr.write(written);
      return EXIT.usage;
    }
    const failure = failureOf(asUsageError(error), asked);
    showFailure(io, json, failure);
    return failure.exitCode;
  }
}

function endOfOptions(argv: readonly string[]): number {
  const end = argv.indexOf("--");
  return end === -1 ? argv.length : end;
}

function asUsageError(error: unknown): unknown {
  if (error instanceof CommanderError && error.code === "commander.help") {
    return new CommanderError(EXIT.usage, error.code, "a command is missing");
  }
  return error;
}
