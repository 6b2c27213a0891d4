import { inspectBackup } from "@dister/store";
import { DisterError, isDisterError } from "@dister/types";
import type { Config } from "@dister/types/schemas";
import { loadConfig } from "../config.ts";
import { parseFlags } from "../flags.ts";
import type { OfflineCommandLine } from "./command-line.ts";
import { offlineParts } from "./offline-parts.ts";
import { recover } from "./recover.ts";
import { reset } from "./reset.ts";
import { restore } from "./restore.ts";
import { openTerminal, type Terminal } from "./terminal.ts";
import { backupLines, recoveredLines, recoverLines, resetDoneLines, resetLines, restoredLines } from "./texts.ts";

/** Exit codes: 0 done, 1 refused or failed, 78 wrong flags or configuration. */
const EXIT = { done: 0, failed: 1, config: 78 } as const;

/** Runs one of the commands on a stopped node or a backup, says what came of it, and returns the exit code. */
export async function runOffline(line: OfflineCommandLine): Promise<number> {
  const { switches } = line;
  const terminal = openTerminal({ json: switches.has("json"), yes: switches.has("yes") });
  try {
    await RUN[line.command](line, terminal);
    return EXIT.done;
  } catch (error) {
    if (!isDisterError(error)) throw error;
    const hint = error.code === "DISTER_ERR_LOCKED" ? ": this is for a node that does not run, stop it first" : "";
    terminal.fail(error.code, error.message + hint);
    return error.code === "DISTER_ERR_CONFIG" || error.code === "DISTER_ERR_INVALID" ? EXIT.config : EXIT.failed;
  }
}

type Run = (line: OfflineCommandLine, terminal: Terminal) => Promise<void>;

const RUN: Readonly<Record<OfflineCommandLine["command"], Run>> = {
  async inspect(line, terminal) {
    const file = backupOf(line);
    refuseRest(line);
    const { head, bytes, sha256 } = await inspectBackup(offlineParts().readFile(file));
    terminal.answer({ file, bytes, sha256, ...head }, backupLines(file, { head, bytes, sha256 }));
  },
  async restore(line, terminal) {
    const from = backupOf(line);
    const config = configOf(line);
    const made = await restore(offlineParts(), { from, config, otherGroup: line.switches.has("othergroup") });
    const { head, ...cluster } = made;
    terminal.answer({ ...cluster, logid: head.logid, keys: head.keys, services: head.services }, restoredLines(made));
  },
  async recover(line, terminal) {
    const config = configOf(line);
    const done = await recover(offlineParts(), {
      config,
      acceptDamage: line.switches.has("acceptdamage"),
      async confirm(found) {
        terminal.tell(recoverLines(found));
        const { group, clusterId } = found.identity;
        await terminal.confirm([group, clusterId], "give up the other members for good");
      },
    });
    terminal.answer(done, recoveredLines(done));
  },
  async reset(line, terminal) {
    const config = configOf(line);
    const remove = line.switches.has("delete");
    const done = await reset(offlineParts(), {
      savePath: config.SavePath,
      remove,
      async confirm(found) {
        terminal.tell(resetLines(found, remove));
        await terminal.confirm([found.identity?.nodeId ?? "reset"], remove ? "delete it" : "put it aside");
      },
    });
    terminal.answer(done, resetDoneLines(done));
  },
};

function backupOf({ from }: OfflineCommandLine): string {
  if (from !== undefined && from !== "") return from;
  throw new DisterError("DISTER_ERR_CONFIG", { key: "--from", got: "nothing", allowed: "the file of a backup" });
}

/** The configuration as a start would read it, so that a command meets the very folder that the node uses. */
function configOf({ rest }: OfflineCommandLine): Config {
  const flags = parseFlags(rest);
  return loadConfig({ cfg: flags.cfg, env: process.env, flags: flags.config });
}

/** A file is looked into wherever it lies: no configuration, not even a wrong one, has to do with it. */
function refuseRest({ command, rest }: OfflineCommandLine): void {
  if (rest[0] === undefined) return;
  const allowed = "--from FILE and --json";
  throw new DisterError("DISTER_ERR_CONFIG", { key: rest[0], got: `a flag that ${command} does not take`, allowed });
}
