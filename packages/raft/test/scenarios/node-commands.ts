import type { ScenarioCluster } from "./cluster.ts";
import type { ScenarioNode } from "./node.ts";
import { parseHeader, parseMessage, type Words } from "./parse.ts";
import { nameOf, OF_A_SNAPSHOT } from "./print.ts";

type Command = (cluster: ScenarioCluster, node: ScenarioNode, words: Words) => void;

/** `a: <command>`: what happens at one node. */
const COMMANDS: Record<string, Command> = {
  /** `a: tick`: its clock goes on to whatever is due next. */
  tick: (cluster, node) => cluster.tick(node, Math.max(0, node.lone.core.deadlineMs - node.lone.nowMs)),
  /** `a: election timeout`: it has heard no leader for as long as it waits. */
  election: (cluster, node, words) => {
    words.expect("timeout");
    if (node.lone.status.role === "leader") words.fail("a leader has no election timeout");
    COMMANDS["tick"]!(cluster, node, words);
  },
  time: (cluster, node, words) => {
    const end = node.lone.nowMs + words.number();
    while (node.up && node.lone.core.deadlineMs <= end) {
      cluster.tick(node, Math.max(0, node.lone.core.deadlineMs - node.lone.nowMs));
    }
    node.lone.nowMs = end;
  },
  /** `a: late 600`: its clock goes on, but it looks at what arrives before it looks at the clock. */
  late: (_cluster, node, words) => node.lone.wait(words.number()),
  draws: (_cluster, node, words) => void node.rng.draws.push(...words.rest().map(Number)),
  /** `a: stand`: a peer asks it to, after a comparison. */
  stand: (cluster, node) => {
    const from = node.lone.status.membership.members.find(({ id }) => id !== node.id)?.id ?? node.id;
    cluster.give(node, () => node.lone.core.step(from, { type: "stand", term: 0 }, node.lone.nowMs));
  },
  /** `a: from b append term 1 ...`: a message that the script makes. */
  from: (cluster, node, words) => {
    const from = words.node();
    const message = parseMessage(words);
    cluster.give(node, () => node.lone.core.step(from, message, node.lone.nowMs));
  },
  /** `a: offer from b term 1 at 3:1 voters a b`: a snapshot that the script makes; its content is not looked at. */
  offer: (cluster, node, words) => {
    words.expect("from");
    const from = words.node();
    const header = parseHeader(words);
    const { position } = header;
    const applied = [{ position, text: OF_A_SNAPSHOT }];
    cluster.arrive(nameOf(from), node, { type: "snapshot", header, applied });
  },
  propose: (cluster, node, words) => {
    const text = words.next();
    const count = words.numberAfter("times", 1);
    const bytes = words.numberAfter("bytes", 0);
    const payload = (n: number): Uint8Array => Buffer.from(count === 1 ? text : `${text}${n}`);
    cluster.give(node, () => {
      for (let n = 1; n <= count; n++) node.lone.core.propose(bytes > 0 ? Buffer.alloc(bytes) : payload(n));
    });
  },
  /** `a: members voters a b, learners d`. */
  members: (cluster, node, words) => {
    const membership = words.membership();
    cluster.give(node, () => void node.lone.core.changeMembership(membership));
  },
  /** `a: transfer to b`, `a: transfer`. */
  transfer: (cluster, node, words) => {
    const to = words.take("to") ? words.node() : undefined;
    cluster.give(node, () => void node.lone.core.transferLeadership(to, node.lone.nowMs));
  },
  read: (cluster, node, words) => {
    const id = words.number();
    cluster.give(node, () => node.lone.core.readIndex(id, node.lone.nowMs));
  },
  peer: (cluster, node, words) => {
    words.expect("down");
    cluster.peerDown(node, words.node());
  },
  crash: (cluster, node) => cluster.crash(node),
  /** `a: restart`, `a: restart forgetting` when the state machine kept nothing durable. */
  restart: (cluster, node, words) => {
    const forgetting = words.take("forgetting");
    node.up = true;
    cluster.give(node, () => node.restart(forgetting));
  },
  /** `a: lose log behind 1`: its disk keeps less than it was told to. */
  lose: (_cluster, node, words) => {
    words.expect("log");
    words.expect("behind");
    const { log } = node.lone;
    const write = { entries: log.read(log.firstIndex(), words.number(), 1e9), hardState: log.hardState() };
    log.crash();
    void log.reset(log.base());
    void log.append(write);
  },
  /** `a: damage behind 1`: its disk lost what follows, and knows it. */
  damage: (_cluster, node, words) => {
    words.expect("behind");
    node.lone.log.damageBehind(words.number());
  },
  /** `a: disk held`: writes wait for `store a`. `a: disk quick`. */
  disk: (cluster, node, words) => {
    node.diskHeld = words.next() === "held";
    node.lone.disk = node.diskHeld ? "held" : "quick";
    if (!node.diskHeld) cluster.give(node, () => node.lone.store());
  },
  /** `a: apply held`: what is committed is handed out, and not reported as applied before `a: applied`. */
  apply: (_cluster, node, words) => {
    words.expect("held");
    node.lone.applying = false;
  },
  applied: (cluster, node, words) => {
    const last = node.handed.at(-1)?.index ?? words.fail("nothing was handed out");
    cluster.finishApplying(node);
    cluster.give(node, () => node.lone.core.applied(last));
  },
  compact: (_cluster, node, words) => void node.lone.log.compact(words.number()),
  /** `a: snapshot to c` sends it; `a: snapshot to c broke` tells the sender that it did not get there. */
  snapshot: (cluster, node, words) => {
    words.expect("to");
    const to = words.next();
    if (!words.take("broke")) return cluster.streamSnapshot(node, to);
    cluster.give(node, () => node.lone.core.snapshotSent(cluster.node(to).id, null, node.lone.nowMs));
  },
  /** `c: install`, `c: install fails`. */
  install: (cluster, node, words) => cluster.install(node, !words.take("fails")),
  progress: (cluster, node) => cluster.tellProgress(node),
};

export function runNodeCommand(cluster: ScenarioCluster, node: ScenarioNode, words: Words): void {
  const name = words.next();
  (COMMANDS[name] ?? (() => words.fail(`no command "${name}"`)))(cluster, node, words);
}
