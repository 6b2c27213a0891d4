import { LIMITS } from "@dister/types";
import { Argument, Command } from "commander";
import { filled, readList, readMilliseconds, readWhole } from "./arguments.ts";
import { addBackups } from "./backup-commands.ts";
import { addCert } from "./cert/program.ts";
import { showStatus, transferLeadership } from "./commands/cluster.ts";
import { allPairs, deleteKeys, getValue, listPairs, setValue } from "./commands/kv.ts";
import { addNodes, listMembers, listNodes, removeNodes } from "./commands/nodes.ts";
import { addServices, getService, listServices, removeServices } from "./commands/services.ts";
import { readApi } from "./connection.ts";
import { addService } from "./service-commands.ts";
import type { Session } from "./session.ts";
import type { UpOptions } from "./up/up.ts";
import { VERSION } from "./version.ts";

/** All commands. */
export function buildProgram(session: Session, prepare: (program: Command) => void): Command {
  const program = new Command("dister");
  // What is prepared here is inherited by every command that is added below.
  prepare(program);
  program
    .description("Talks to a dister node; `dister up` starts a whole cluster on this machine.")
    .version(VERSION, "--version", "show the version")
    .helpOption("-h, --help", "show help")
    .helpCommand(false)
    .option("--json", "answer with exactly one JSON document")
    .option("--api <url>", "address of a node's API, several by commas or repeated (default: $DISTER_URL)", readApi)
    .option("--timeout <ms>", "limit of one call with all its retries, in milliseconds", readMilliseconds)
    .option("--request-id <id>", "id of a write; repeating it never applies it twice");
  addHelp(program, session);
  program.commandsGroup("Commands:");
  addKv(program, session);
  const node = addNode(program, session);
  addService(program, session);
  addCluster(program, session);
  addBackups(program, node, session);
  addCert(program, (reply) => session.show(reply));
  program.commandsGroup("Commands of the original:");
  addOriginal(program, session);
  return program;
}

function addHelp(program: Command, session: Session): void {
  program
    .command("help")
    .alias("?")
    .description("show help")
    .argument("[command...]", "a command")
    .action((names: string[]) => {
      let found = program;
      for (const name of names) {
        const next = found.commands.find((one) => one.name() === name || one.aliases().includes(name));
        if (next === undefined) program.error(`unknown command '${names.join(" ")}'`);
        found = next;
      }
      const text = found.helpInformation().trimEnd();
      session.show({ data: text, text });
    });
}

function addKv(program: Command, session: Session): void {
  const kv = program.command("kv").description("keys and values");
  kv.command("get")
    .description("show the value of a key")
    .addArgument(filled("<key>"))
    .action((key: string) => session.ask(({ client }) => getValue(client, key)));
  kv.command("set")
    .description("set a key")
    .addArgument(filled("<key>"))
    .argument("<value>", "may be empty; put -- before a value that begins with a dash")
    .action((key: string, value: string) =>
      session.change(({ client, write }) => setValue(client, { key, value }, write)),
    );
  kv.command("del")
    .description("remove keys, all at once; those that do not exist are passed over")
    .argument("<key...>")
    .action((keys: string[]) => session.change(({ client, write }) => deleteKeys(client, keys, write)));
  kv.command("ls")
    .description("list keys and the beginning of their values")
    .argument("[prefix]", "only keys that begin so", "")
    .action((prefix: string) => session.ask(({ client }) => listPairs(client, prefix)));
}

function addNode(program: Command, session: Session): Command {
  const node = program.command("node").description("members of the cluster");
  node
    .command("ls")
    .description("list the members with role, status, lag and version")
    .action(() => session.ask(({ client }) => listMembers(client)));
  node
    .command("add")
    .description("say where further nodes are")
    .argument("<address...>", "host, host:raftPort, [IPv6] or [IPv6]:raftPort")
    .action((addresses: string[]) => session.change(({ client, write }) => addNodes(client, addresses, write)));
  node
    .command("rm")
    .description("remove members")
    .argument("<node...>", "id or name")
    .action((names: string[]) => session.change(({ client, write }) => removeNodes(client, names, write)));
  return node;
}

function addCluster(program: Command, session: Session): void {
  program
    .command("status")
    .description("show who leads, since when and why, and how the members are; ends with 6 without a leader")
    .action(() => session.ask(({ client }) => showStatus(client)));
  program
    .command("leader")
    .description("leadership")
    .command("transfer")
    .description("ask the leader to hand over")
    .argument("[node]", "id or name of the member that is to lead; default: whom the leader chooses")
    .action((to: string | undefined) =>
      session.change(({ client, write }) => transferLeadership(client, to === "" ? undefined : to, write)),
    );
  program
    .command("up")
    .description("start a whole cluster on this machine, until Ctrl-C")
    .option("--nodes <count>", "how many nodes", (text) => readWhole(text, 1, LIMITS.membersMax), 3)
    .option("--data <folder>", "where the nodes keep their data", "./dister-data")
    .option("--base-port <port>", "first port; node i takes this + 10 (i - 1) and the next two", readPort, 4166)
    .option("--host <address>", "address of this machine on which everything listens", "127.0.0.1")
    .action((options: UpOptions) => session.up(options));
}

/** The commands of the system of 2018, with its arguments: lists are parted by commas. */
function addOriginal(program: Command, session: Session): void {
  const add = (name: string, description: string): Command => program.command(name).description(description);
  const names = (what: string, description: string): Argument => new Argument(what, description).argParser(readList);

  add("nodes", "show all nodes").action(() => session.ask(({ client }) => listNodes(client)));
  add("addnode", "say where further nodes are")
    .addArgument(names("<addresses>", "IP/DOMAIN[:raftPort],..."))
    .action((list: string[]) => session.change(({ client, write }) => addNodes(client, list, write)));
  add("delnode", "remove members")
    .addArgument(names("<nodes>", "id or name,..."))
    .action((list: string[]) => session.change(({ client, write }) => removeNodes(client, list, write)));
  add("kvs", "show all keys and values, up to a thousand").action(() => session.ask(({ client }) => allPairs(client)));
  add("getkv", "show the value of a key")
    .addArgument(filled("<key>"))
    .action((key: string) => session.ask(({ client }) => getValue(client, key)));
  add("addkv", "set a key")
    .addArgument(filled("<key>"))
    .argument("<value>")
    .action((key: string, value: string) =>
      session.change(({ client, write }) => setValue(client, { key, value }, write)),
    );
  add("delkv", "remove keys")
    .addArgument(names("<keys>", "KEY,..."))
    .action((list: string[]) => session.change(({ client, write }) => deleteKeys(client, list, write)));
  add("services", "show all services").action(() => session.ask(({ client }) => listServices(client)));
  add("getservice", "show a service")
    .addArgument(filled("<name>"))
    .action((name: string) => session.ask(({ client }) => getService(client, name)));
  add("addservice", "register or replace the services of a JSON file")
    .argument("[file]")
    .action((file: string | undefined) => session.change(({ client, write }) => addServices(client, file, write)));
  add("delservice", "remove services")
    .addArgument(names("<services>", "NAME,..."))
    .action((list: string[]) => session.change(({ client, write }) => removeServices(client, list, write)));
}

const readPort = (text: string): number => readWhole(text, 1, 65_535);
