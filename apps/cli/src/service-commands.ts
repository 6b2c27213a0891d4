import { type InstanceMode, LIMITS } from "@dister/types";
import { type Command, Option } from "commander";
import { filled, readFilled, readList, readWhole } from "./arguments.ts";
import { type BalanceRequest, balance, explainBalance } from "./commands/balance.ts";
import { ChecksTable } from "./commands/checks-table.ts";
import { instanceTable } from "./commands/instance-table.ts";
import { addInstances, removeInstances, setMode } from "./commands/instances.ts";
import { serviceTable } from "./commands/service-table.ts";
import { addServices, getService, removeServices } from "./commands/services.ts";
import { EXIT } from "./exit-code.ts";
import { Refusal } from "./failure.ts";
import type { Session } from "./session.ts";
import { replyOf } from "./view.ts";

/** How long `service drain` waits for everybody to be told, unless it is said. */
const WAIT_MS = 5_000;

const WATCH = ["--watch", "go on and show what changes, until Ctrl-C"] as const;

interface Watched {
  readonly watch?: boolean;
}

/** Services, their instances, and choosing one of them. */
export function addService(program: Command, session: Session): void {
  const service = program.command("service").description("services and their instances");
  addLooks(service, session);
  addRegistration(service, session);
  addDrain(service, session);
  addBalance(program, session);
}

function addLooks(service: Command, session: Session): void {
  service
    .command("ls")
    .description("list the services: how many instances are passing, critical, out of use, and who is protected")
    .option(...WATCH)
    .action(({ watch }: Watched) => {
      if (watch !== true) return session.ask(async ({ client }) => replyOf(await serviceTable(client)));
      return session.watch(({ client }, signal) => serviceTable(client, { signal, consistency: "local" }));
    });
  service
    .command("get")
    .description("show the definition of a service and the state of its instances, as JSON")
    .addArgument(filled("<name>"))
    .option("--table", "a row for each instance in place of JSON")
    .option(...WATCH)
    .action((name: string, { table, watch }: Watched & { table?: boolean }) => {
      if (watch === true) {
        return session.watch(({ client }, signal) => instanceTable(client, name, { signal, consistency: "local" }));
      }
      return session.ask(async ({ client }) =>
        table === true ? replyOf(await instanceTable(client, name)) : getService(client, name),
      );
    });
  service
    .command("checks")
    .description("show what the checks of each instance have found, for each of those who check it")
    .addArgument(filled("<name>"))
    .option(...WATCH)
    .action((name: string, { watch }: Watched) => {
      if (watch !== true) return session.ask(async ({ client }) => replyOf(await new ChecksTable(client).look(name)));
      let table: ChecksTable | undefined;
      return session.watch(({ client }, signal) => {
        table ??= new ChecksTable(client);
        return table.look(name, { signal });
      });
    });
}

function addRegistration(service: Command, session: Session): void {
  service
    .command("add")
    .description("register or replace the services of a JSON file")
    .argument("[file]", "holds one service or a list of them")
    .option("--instance", "only the instances in the file; the others of these services stay")
    .action((file: string | undefined, { instance }: { instance?: boolean }) =>
      session.change(({ client, write }) =>
        instance === true ? addInstances(client, file, write) : addServices(client, file, write),
      ),
    );
  service
    .command("rm")
    .description("remove services; those that do not exist are passed over")
    .argument("<name...>")
    .addOption(
      new Option(
        "--instance <id>",
        "only this instance of the service, repeatable; a service goes with its last one",
      ).argParser(readIds),
    )
    .action((names: string[], { instance: ids }: { instance?: readonly string[] }) => {
      if (ids === undefined) return session.change(({ client, write }) => removeServices(client, names, write));
      const [name = "", ...others] = names;
      if (others.length > 0) {
        const message = "--instance names instances of one service: give one name, or leave --instance out";
        throw new Refusal("DISTER_ERR_INVALID", message, EXIT.usage);
      }
      return session.change(({ client, write }) => removeInstances(client, { name, ids }, write));
    });
}

/** Reads one `--instance`, which may come several times. */
function readIds(id: string, before: readonly string[] = []): readonly string[] {
  return [...before, readFilled(id)];
}

interface DrainOptions {
  readonly wait: number;
  readonly off?: boolean;
  readonly maintenance?: boolean;
}

function addDrain(service: Command, session: Session): void {
  service
    .command("drain")
    .description("take an instance out of use: nobody is sent to it any more; what is connected stays")
    .addArgument(filled("<name>"))
    .addArgument(filled("<id>"))
    .addOption(
      new Option("--wait <ms>", "how long to wait until everybody was told; 0 does not wait")
        .default(WAIT_MS)
        .argParser((text) => readWhole(text, 0, LIMITS.watcherWaitMsMax)),
    )
    .addOption(new Option("--maintenance", "it is being worked on, not only drained").conflicts("off"))
    .option("--off", "back into use")
    .action((name: string, id: string, { wait: waitMs, off, maintenance }: DrainOptions) => {
      const mode: InstanceMode = off === true ? "active" : maintenance === true ? "maintenance" : "draining";
      return session.change(({ client, write }) => setMode(client, { name, id, mode, waitMs }, write));
    });
}

interface BalanceFlags extends BalanceRequest, Watched {
  readonly explain?: boolean;
}

function addBalance(program: Command, session: Session): void {
  program
    .command("balance")
    .description("choose one instance of a service")
    .addArgument(filled("<name>"))
    .addOption(
      new Option("--policy <policy>", "how to choose").choices(["priority", "round-robin", "hash", "latency", "first"]),
    )
    .addOption(new Option("--key <key>", "needed with policy hash: equal keys get the same instance"))
    .addOption(
      new Option("--tags <tags>", "with policy first: by commas, who has the first of them comes first").argParser(
        readList,
      ),
    )
    .addOption(
      new Option("--count <n>", "so many different ones, as a list").argParser((text) =>
        readWhole(text, 1, LIMITS.balanceCountMax),
      ),
    )
    .option("--explain", "show every instance, its weight or why it was left out, and how the draw went")
    .option("--watch", "with --explain: choose again and again, until Ctrl-C")
    .action((name: string, { explain, watch, ...request }: BalanceFlags) => {
      if (watch === true && explain !== true) {
        throw new Refusal(
          "DISTER_ERR_INVALID",
          "--watch goes with --explain: there is nothing else to watch",
          EXIT.usage,
        );
      }
      if (watch === true) {
        return session.watch(({ client }, signal) => explainBalance(client, name, { ...request, signal }));
      }
      return session.ask(async ({ client }) =>
        explain === true ? replyOf(await explainBalance(client, name, request)) : balance(client, name, request),
      );
    });
}
