import {
  type Envelope,
  isDisterError,
  type LogEntry,
  type Membership,
  NO_MEMBERSHIP,
  type NodeId,
} from "@dister/types";
import type { RaftOptions, Ready } from "../../src/index.ts";
import { Network } from "./network.ts";
import { type Disk, ScenarioNode } from "./node.ts";
import { idOf } from "./parse.ts";
import {
  type AppliedEntry,
  grouped,
  kindOf,
  nameOf,
  OF_A_SNAPSHOT,
  printApplied,
  printMembership,
  printMessage,
  printPosition,
  printWrite,
  type Traffic,
  withNames,
} from "./print.ts";

/** Begins a line that no transcript may hold. */
export const UNSAFE = "unsafe";

/** Nodes, what is on its way between them, and what a transcript has to say of them since it last did. */
export class ScenarioCluster {
  readonly nodes = new Map<string, ScenarioNode>();
  readonly network: Network;
  options: Partial<RaftOptions> = {};
  /** While true, messages are not worth a line. */
  quiet = false;
  #events: string[] = [];
  #applied: { readonly name: string; readonly entry: AppliedEntry }[] = [];
  readonly #told = new Map<string, { state: string; members: string }>();
  readonly #leaderOfTerm = new Map<number, string>();
  readonly #entryAt = new Map<number, string>();

  constructor() {
    this.network = new Network((from, to, message) => {
      const node = this.nodes.get(to);
      if (node?.up === true) this.arrive(from, node, message);
    });
  }

  add(name: string, founding: Membership = NO_MEMBERSHIP, disk?: Disk): ScenarioNode {
    this.network.dropAll((sent) => sent.from === name);
    // A score is measured by the script's own word only.
    const options = { ...this.options, measureMs: 1e12 };
    const onReady = (node: ScenarioNode, ready: Ready): void => this.#onReady(node, ready);
    const node = new ScenarioNode({ name, founding, options, onReady, ...(disk === undefined ? {} : { disk }) });
    this.nodes.set(name, node);
    return node;
  }

  node(name: string): ScenarioNode {
    const node = this.nodes.get(name);
    if (node === undefined) throw new Error(`no node ${name}`);
    return node;
  }

  get running(): ScenarioNode[] {
    return [...this.nodes.values()].filter(({ up }) => up);
  }

  say(node: ScenarioNode, text: string): void {
    this.#events.push(`${node.name}  ${text}`);
  }

  /** Gives a node an input; what it refuses is told, and an assertion that fails stops it. */
  give(node: ScenarioNode, input: () => void): void {
    if (!node.up) return;
    try {
      input();
      node.lone.drain();
    } catch (error) {
      if (isDisterError(error)) return this.say(node, `refuses: ${error.code}`);
      this.say(node, `stops itself: ${withNames((error as Error).message)}`);
      node.up = false;
    }
  }

  // ---- what a core has ready -----------------------------------------------------------------------------------------

  #onReady(node: ScenarioNode, ready: Ready): void {
    if (ready.write !== undefined && node.diskHeld) this.say(node, printWrite(ready.write));
    for (const envelope of ready.messages) this.#send(node, envelope);
    for (const { id, index } of ready.reads) {
      this.say(node, index < 0 ? `read ${id} is refused` : `read ${id} is answered at ${index}`);
    }
    if (ready.trust) this.say(node, "notes that its log is whole again");
    for (const to of ready.snapshots) this.say(node, `has to send ${nameOf(to)} a snapshot`);
    if (ready.committed.length > 0) this.#take(node, ready.committed);
  }

  #send(node: ScenarioNode, { to, message }: Envelope): void {
    this.send(node.name, nameOf(to), message);
  }

  send(from: string, to: string, message: Traffic): void {
    const arrives = this.network.post(from, to, message);
    if (!this.quiet) this.#events.push(`${from}->${to} ${printMessage(message)}${arrives ? "" : ", lost"}`);
  }

  #take(node: ScenarioNode, entries: readonly LogEntry[]): void {
    node.handed = entries;
    // While a node is being made its core is not there yet; nothing is held then.
    if ((node.lone as ScenarioNode["lone"] | undefined)?.applying === false) {
      const [first, last] = [entries[0]!.index, entries.at(-1)!.index];
      return this.say(node, `is to apply ${first === last ? first : `${first} to ${last}`}`);
    }
    this.finishApplying(node);
  }

  /** The state machine has applied what it was handed. */
  finishApplying(node: ScenarioNode): void {
    for (const entry of node.handed) {
      node.keep(entry);
      this.#applied.push({ name: node.name, entry: node.applied.at(-1)! });
    }
    node.handed = [];
  }

  // ---- the network ---------------------------------------------------------------------------------------------------

  /** A message, a snapshot or an answer to one is there. */
  arrive(from: string, node: ScenarioNode, message: Traffic): void {
    const { lone } = node;
    const sender = { id: idOf(from) };
    this.give(node, () => {
      if (message.type === "snapshotReply") return lone.core.snapshotSent(sender.id, message.reply, lone.nowMs);
      if (message.type !== "snapshot") return lone.core.step(sender.id, message, lone.nowMs);
      const { header, applied } = message;
      const refused = lone.core.offerSnapshot(sender.id, header, lone.nowMs);
      lone.drain();
      if (refused === null) {
        this.say(node, "takes the snapshot");
        node.incoming = { from, header, applied };
      } else this.send(node.name, from, { type: "snapshotReply", reply: refused });
    });
  }

  /** A snapshot of what a node has applied goes on its way. */
  streamSnapshot(node: ScenarioNode, to: string): void {
    const { appliedPosition: position, membership, lone } = node;
    const header = { term: lone.status.term, position, membership };
    this.send(node.name, to, { type: "snapshot", header, applied: [...node.applied] });
  }

  /** What was received is put in place, log and state, as the shell does; or it failed. */
  install(node: ScenarioNode, succeeds: boolean): void {
    const { incoming, lone } = node;
    if (incoming === null) throw new Error(`${node.name} receives no snapshot`);
    node.incoming = null;
    this.give(node, () => {
      let reply = lone.core.snapshotFailed.bind(lone.core);
      if (succeeds) {
        lone.store();
        void lone.log.reset(incoming.header.position);
        node.applied = [...incoming.applied];
        node.membership = incoming.header.membership;
        reply = () => lone.core.snapshotInstalled(incoming.header, lone.nowMs);
      }
      const answer = reply();
      lone.drain();
      this.send(node.name, incoming.from, { type: "snapshotReply", reply: answer });
    });
  }

  crash(node: ScenarioNode): void {
    node.up = false;
    this.network.dropAll((sent) => sent.to === node.name);
  }

  peerDown(node: ScenarioNode, peer: NodeId): void {
    this.give(node, () => node.lone.core.peerDown(peer, node.lone.nowMs));
  }

  // ---- time ----------------------------------------------------------------------------------------------------------

  /** Moves a node's clock on and lets what is due happen. */
  tick(node: ScenarioNode, ms: number): void {
    this.give(node, () => {
      node.lone.nowMs += ms;
      node.lone.core.tick(node.lone.nowMs);
    });
  }

  /** Time goes on for all; with `delivering`, messages arrive the moment they are sent. */
  pass(ms: number, delivering: boolean): void {
    let left = ms;
    for (;;) {
      if (delivering) this.network.deliverEverything();
      const waits = this.running.map(({ lone }) => lone.core.deadlineMs - lone.nowMs);
      const stepMs = Math.max(0, Math.min(left, ...waits));
      const due = this.running.filter(({ lone }) => lone.core.deadlineMs - lone.nowMs <= stepMs);
      for (const { lone } of this.running) lone.nowMs += stepMs;
      left -= stepMs;
      if (due.length === 0) return;
      for (const node of due) this.tick(node, 0);
    }
  }

  // ---- what there is to tell -----------------------------------------------------------------------------------------

  /** Everything since the last call: what happened in its order, then what was applied, then who has changed. */
  tell(): string[] {
    const lines = [...this.#events, ...this.#tellApplied(), ...this.#tellChanges(), ...this.#tellUnsafe()];
    this.#events = [];
    this.#applied = [];
    return lines;
  }

  #tellApplied(): string[] {
    const byNode = new Map<string, AppliedEntry[]>();
    for (const { name, entry } of this.#applied) byNode.set(name, [...(byNode.get(name) ?? []), entry]);
    const lines = [...byNode].map(([name, entries]) => ({ name, text: `applies ${printApplied(entries)}` }));
    return grouped(lines.sort((one, other) => (one.name < other.name ? -1 : 1)));
  }

  #tellChanges(): string[] {
    const members: { name: string; text: string }[] = [];
    const states: { name: string; text: string }[] = [];
    for (const node of this.nodes.values()) {
      const told = this.#told.get(node.name) ?? { state: "", members: "" };
      const now = {
        state: node.state,
        members: node.up ? `knows ${printMembership(node.lone.status.membership)}` : told.members,
      };
      if (now.members !== told.members) members.push({ name: node.name, text: now.members });
      if (now.state !== told.state) states.push({ name: node.name, text: now.state });
      this.#told.set(node.name, now);
    }
    return [...grouped(members), ...grouped(states)];
  }

  /** What must never be, whatever the script is about: two leaders of a term, two entries applied at one index. */
  #tellUnsafe(): string[] {
    const lines: string[] = [];
    for (const { name, lone, applied } of this.running) {
      const { role, term } = lone.status;
      const known = this.#leaderOfTerm.get(term) ?? name;
      if (role === "leader" && known !== name) lines.push(`${UNSAFE}: ${known} and ${name} both led term ${term}`);
      if (role === "leader") this.#leaderOfTerm.set(term, known);
      for (const { position, text } of applied) {
        if (text === OF_A_SNAPSHOT) continue;
        const entry = `${printPosition(position)} ${text}`;
        const first = this.#entryAt.get(position.index) ?? entry;
        this.#entryAt.set(position.index, first);
        if (first !== entry) lines.push(`${UNSAFE}: ${name} applied ${entry}, another ${first}`);
      }
    }
    return lines;
  }

  /** What the leader knows of its peers. */
  tellProgress(node: ScenarioNode): void {
    for (const { id, match, next, state, suspect, lostData } of node.lone.status.progress) {
      const doubt = `${suspect ? ", suspect" : ""}${lostData ? ", has lost data" : ""}`;
      this.say(node, `knows of ${nameOf(id)}: match ${match} next ${next} ${state}${doubt}`);
    }
  }

  tellInFlight(): void {
    for (const { from, to, message } of this.network.inFlight) {
      this.#events.push(`on its way ${from}->${to} ${kindOf(message)}`);
    }
  }

  /** Forgets what was told of the nodes, so that all are told again. */
  tellAll(): void {
    this.#told.clear();
  }
}
