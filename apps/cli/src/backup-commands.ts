import { type Command, Option } from "commander";
import { type SaveOptions, saveSnapshot } from "./commands/snapshot.ts";
import type { Session } from "./session.ts";

/** What stands behind the arguments of a command on a stopped node is handed on as it is. */
const DAEMON_FLAGS = "flags of disterd: --SavePath, --cfg and all others";

/** Backups of a running cluster, and what is done with the data folders of nodes that do not run. */
export function addBackups(program: Command, node: Command, session: Session): void {
  const snapshot = program.command("snapshot").description("backups of the whole state");
  snapshot
    .command("save")
    .description("save the state of the cluster, as of one moment, into a file")
    .argument("<file>")
    .option("--force", "replace a file that exists")
    .addOption(
      new Option("--consistency <kind>", "local: what the node that is asked has, also without a leader").choices([
        "linearizable",
        "local",
      ]),
    )
    .action((file: string, options: Omit<SaveOptions, "file">) =>
      session.ask(({ client }) => saveSnapshot(client, { file, ...options })),
    );
  snapshot
    .command("inspect")
    .description("check a backup from its first byte to its last, and say what it holds")
    .argument("<file>")
    .action((file: string) => session.daemon(["inspect", "--from", file]));
  forDaemon(
    snapshot.command("restore").description("form a new cluster of a backup, on this machine's empty data folder"),
  )
    .argument("<file>")
    .argument("[flags...]", DAEMON_FLAGS)
    .option("--other-group", "restore into a group of another name")
    .action((file: string, flags: string[], { otherGroup }: { otherGroup?: boolean }) =>
      session.daemon(["restore", "--from", file, ...(otherGroup === true ? ["--other-group"] : []), ...flags]),
    );
  forDaemon(
    program.command("recover").description("make this machine's stopped node a new cluster when the majority is lost"),
  )
    .argument("[flags...]", DAEMON_FLAGS)
    .option("--yes", "ask nothing")
    .option("--accept-damage", "go on although the node's log was damaged and entries are lost")
    .action((flags: string[], { yes, acceptDamage }: { yes?: boolean; acceptDamage?: boolean }) => {
      const own = [...(yes === true ? ["--yes"] : []), ...(acceptDamage === true ? ["--accept-damage"] : [])];
      return session.daemon(["recover", ...own, ...flags]);
    });
  forDaemon(node.command("reset").description("empty the data folder of this machine's stopped node"))
    .argument("[flags...]", DAEMON_FLAGS)
    .option("--yes", "ask nothing")
    .option("--delete", "delete the data in place of putting them aside")
    .action((flags: string[], { yes, delete: remove }: { yes?: boolean; delete?: boolean }) => {
      const own = [...(yes === true ? ["--yes"] : []), ...(remove === true ? ["--delete"] : [])];
      return session.daemon(["reset", ...own, ...flags]);
    });
}

function forDaemon(command: Command): Command {
  return command.allowUnknownOption().allowExcessArguments();
}
