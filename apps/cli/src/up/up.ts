import { type Clock, DisterError } from "@dister/types";
import { systemClock } from "@dister/types/system";
import { EXIT, type ExitCode } from "../exit-code.ts";
import type { Io } from "../io.ts";
import { showReply } from "../output.ts";
import { startedData, startedText } from "./announcement.ts";
import { DaemonProcess } from "./daemon-process.ts";
import { daemonScript } from "./daemon-script.ts";
import { whyNotFree } from "./free-port.ts";
import { highestPort, type LayoutOptions, layoutOf, type NodePlan } from "./layout.ts";
import { LocalCluster } from "./local-cluster.ts";
import { StopWish } from "./stop-wish.ts";
import { UP_DEFAULTS, type UpTuning } from "./tuning.ts";

export interface UpOptions extends LayoutOptions {
  /** Show what was started as one JSON document; news then go to standard error. */
  readonly json?: boolean;
}

export interface UpComponents {
  readonly io: Io;
  readonly clock?: Clock;
  /** Script to start for each node; default: the `disterd` of `@dister/daemon`. */
  readonly daemon?: string;
  readonly tuning?: Partial<UpTuning>;
}

/**
 * Runs a whole cluster on this machine until it is asked to end, or until every node has ended too often.
 * @throws DisterError when it cannot be started; then nothing is left running.
 */
export async function up(options: UpOptions, components: UpComponents): Promise<ExitCode> {
  const { io, clock = systemClock } = components;
  const { json = false } = options;
  const tuning = { ...UP_DEFAULTS, ...components.tuning };
  const say = (line: string): void => void (json ? io.stderr : io.stdout).write(`${line}\n`);

  assertPossible(options);
  const script = components.daemon ?? daemonScript();
  const plans = layoutOf(options);
  await assertPortsFree(plans, options.host);

  const wish = new StopWish(io, clock, tuning.sameSignalMs);
  try {
    say(`starting ${plans.length === 1 ? "1 node" : `${plans.length} nodes`}`);
    const launch = ({ args, folder }: NodePlan): DaemonProcess =>
      new DaemonProcess({ script, args, folder, env: io.env, nowMs: () => clock.nowMs() });
    const cluster = new LocalCluster(plans, { clock, launch, say }, tuning);
    const ready = cluster.ready();
    try {
      const nodes = await Promise.race([ready, wish.first.then(() => [])]);
      if (nodes.length > 0) {
        showReply(io, json, { data: startedData(nodes), text: startedText(nodes, options.data, io.command) });
        const why = await Promise.race([wish.first, cluster.allGivenUp.then(() => "given up" as const)]);
        if (why === "given up") {
          say("no node is left");
          await cluster.stop(wish.second);
          return EXIT.failed;
        }
      }
    } catch (error) {
      await cluster.stop(wish.first);
      throw error;
    }
    say("stopping");
    const how = await cluster.stop(wish.second);
    await ready.catch(() => []);
    say(how);
    return how === "stopped" ? EXIT.done : EXIT.failed;
  } finally {
    wish.close();
  }
}

function assertPossible(options: LayoutOptions): void {
  const { basePort, host } = options;
  const spare = 65_535 - highestPort(options);
  if (spare < 0) throw wrong("--base-port", basePort, `at most ${basePort + spare} with so many nodes`);
  if (/^(0\.0\.0\.0|\[?::\]?|)$/.test(host)) {
    throw wrong("--host", JSON.stringify(host), "one address, at which the nodes reach each other");
  }
}

function wrong(field: string, got: string | number, allowed: string): DisterError {
  return new DisterError("DISTER_ERR_INVALID", { field, got, allowed });
}

async function assertPortsFree(plans: readonly NodePlan[], host: string): Promise<void> {
  const checks = plans.flatMap(({ name, ports }) =>
    Object.entries(ports).map(async ([kind, port]) => {
      const why = await whyNotFree(host, port);
      return why === undefined ? [] : [`port ${port} of ${host} ${why} (${name}, ${kind})`];
    }),
  );
  const taken = (await Promise.all(checks)).flat();
  if (taken.length === 0) return;
  throw new DisterError("DISTER_ERR_CONFIG", {}, { message: `${taken.join(", ")}; --base-port chooses others` });
}
