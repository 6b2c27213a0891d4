import { stateHash } from "@dister/store";
import { Client } from "./clients/client.ts";
import { Histories } from "./clients/histories.ts";
import { ServiceClient } from "./clients/service-client.ts";
import { type Fault, planFaults } from "./faults/plan.ts";
import { Storm } from "./faults/storm.ts";
import { Cluster } from "./world/cluster.ts";
import type { Coverage } from "./world/coverage.ts";
import type { Machine } from "./world/machine.ts";
import { settingOf } from "./world/setting.ts";
import { Trace } from "./world/trace.ts";
import { Violation } from "./world/violation.ts";
import { World } from "./world/world.ts";

export interface RunOptions {
  /** Keeps the text of the trace. */
  readonly trace?: boolean;
  /** Numbers of the faults that happen; all unless given. */
  readonly faults?: readonly number[];
  /** Somebody registers services and checks them besides: another run than that of the seed alone. */
  readonly services?: boolean;
}

/** What a run came to. */
export interface RunResult {
  readonly seed: number;
  /** Null when every rule held. */
  readonly violation: { readonly rule: string; readonly message: string } | null;
  readonly coverage: Coverage;
  readonly faults: readonly Fault[];
  readonly simulatedMs: number;
  readonly events: number;
  readonly operations: number;
  readonly checksum: number;
  readonly trace: string;
}

/** So many election time-outs the cluster has to come to rest when everything is well again. */
const PATIENCE_TIMEOUTS = 40;

/** Between two looks at whether the cluster has come to rest. */
const LOOK_MS = 5;

/** Runs one seed from its beginning to its end. The same seed gives the same run, byte for byte. */
export async function runSeed(seed: number, options: RunOptions = {}): Promise<RunResult> {
  const setting = settingOf(seed);
  const planned = planFaults(setting);
  const faults = planned.filter(({ number }) => options.faults?.includes(number) ?? true);
  const world = new World(seed, new Trace(options.trace ?? false));
  const cluster = new Cluster(world, setting);
  const histories = new Histories();
  let violation: RunResult["violation"] = null;
  try {
    await simulate(cluster, faults, histories, options.services ?? false);
  } catch (error) {
    const { message, stack } = error as Error;
    violation =
      error instanceof Violation ? { rule: error.rule, message } : { rule: "exception", message: stack ?? message };
    world.trace.line(`violation ${violation.rule}: ${message}`);
  } finally {
    world.isOver = true;
    for (const machine of cluster.machines) machine.kill("kill");
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { trace, coverage, events } = world;
  return {
    seed,
    violation,
    coverage,
    faults,
    simulatedMs: world.nowMs,
    events,
    operations: histories.operations,
    checksum: trace.checksum,
    trace: trace.text,
  };
}

async function simulate(
  cluster: Cluster,
  faults: readonly Fault[],
  histories: Histories,
  hasServices: boolean,
): Promise<void> {
  const { world, setting } = cluster;
  for (const machine of cluster.machines) machine.start();
  const storm = new Storm(cluster, faults);
  const clients: (Client | ServiceClient)[] = hasServices ? [new ServiceClient(cluster)] : [];
  for (let number = 0; number < setting.clients; number++) clients.push(new Client(cluster, histories, number));
  await world.run(setting.stormMs);

  storm.calm();
  for (const client of clients) client.stop();
  const areDone = settled(clients.map(({ done }) => done));
  const { electionTimeoutMs } = setting.raft;
  const deadlineMs = world.nowMs + PATIENCE_TIMEOUTS * electionTimeoutMs + 3_000;
  await world.run(
    deadlineMs,
    nowAndThen(cluster, () => areDone() && isAtRest(cluster)),
  );
  if (!isAtRest(cluster)) throw new Violation("liveness", `no rest within ${deadlineMs} ms: ${picture(cluster)}`);
  if (!areDone()) throw new Violation("liveness", "a client is still waiting");
  await proveWritable(cluster, histories);
  await compareStates(cluster, histories);
  histories.check(cluster.rules.once.forgotten);
}

function settled(promises: readonly Promise<unknown>[]): () => boolean {
  let isSettled = false;
  void Promise.all(promises).then(() => (isSettled = true));
  return () => isSettled;
}

function members(cluster: Cluster): Machine[] {
  return cluster.membership.members.map(({ id }) => cluster.machine(id)).filter((machine) => !machine.refused);
}

/** Asks now and then only: a look at every node costs more than most events. */
function nowAndThen({ world }: Cluster, isOver: () => boolean): () => boolean {
  let lookedMs = Number.NEGATIVE_INFINITY;
  return () => {
    if (world.nowMs < lookedMs + LOOK_MS) return false;
    lookedMs = world.nowMs;
    return isOver();
  };
}

/** One leader, itself a voter, and every member holds, has committed and has applied the same; nobody is suspect. */
function isAtRest(cluster: Cluster): boolean {
  const { leader } = cluster;
  if (leader === undefined) return false;
  const { term, lastIndex, commitIndex } = leader.status;
  if (lastIndex !== commitIndex || !cluster.voters.includes(leader.machine)) return false;
  const membership = JSON.stringify(leader.status.membership);
  return members(cluster).every(({ process }) => {
    if (!process?.raft) return false;
    const status = process.status;
    const isSame = status.term === term && status.appliedIndex === lastIndex && status.lastIndex === lastIndex;
    const isAgreed = JSON.stringify(status.membership) === membership;
    return isSame && isAgreed && !status.suspect && (status.leader === leader.machine.id || process === leader);
  });
}

function picture({ machines }: Cluster): string {
  return machines
    .map(({ name, process, refused }) => {
      if (!process?.raft) return `${name} ${refused ? "refused" : "down"}`;
      const { role, term, lastIndex, commitIndex, appliedIndex, suspect, membership } = process.status;
      const voters = membership.members.map(({ name: member, voter }) => (voter ? member : `(${member})`)).join("");
      return `${name} ${role} term ${term} log ${lastIndex} commit ${commitIndex} applied ${appliedIndex}${suspect ? " suspect" : ""} of ${voters}`;
    })
    .join("; ");
}

/** New writes and reads succeed once nothing is wrong any more. */
async function proveWritable(cluster: Cluster, histories: Histories): Promise<void> {
  const { world, setting } = cluster;
  const number = setting.clients;
  const writer = new Client(cluster, histories, number, "proof");
  const own = histories.register;
  const hasWritten = (): boolean =>
    own.some(({ client, input, outcome }) => client === number && input.kind !== "get" && outcome === "ok");
  const hasRead = (): boolean => own.some(({ client, input }) => client === number && input.kind === "get");
  await world.run(
    world.nowMs + 10_000,
    nowAndThen(cluster, () => hasWritten() && hasRead()),
  );
  writer.stop();
  if (!hasWritten() || !hasRead()) throw new Violation("liveness", `no write or read succeeds: ${picture(cluster)}`);
  const isDone = settled([writer.done]);
  await world.run(
    world.nowMs + 10_000,
    nowAndThen(cluster, () => isDone() && isAtRest(cluster)),
  );
}

/** Every member holds the same state, byte for byte, and what a final read shows there is kept for the check. */
async function compareStates(cluster: Cluster, histories: Histories): Promise<void> {
  let wanted: { hash: string; name: string } | undefined;
  for (const { process, name } of members(cluster)) {
    const state = process!.state.inner;
    const hash = await stateHash(state);
    wanted ??= { hash, name };
    if (hash !== wanted.hash)
      throw new Violation("05-state-machine-safety", `${name} and ${wanted.name} hold different states`);
    const elements = state.kvPage({ prefix: "s/", after: "", limit: 10_000 }).map(({ key }) => key.slice(2));
    histories.finalSets.push({ node: name, elements });
  }
}
