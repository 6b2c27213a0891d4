import {
  decodeMembership,
  ENTRY_KIND,
  type LogEntry,
  type LogPosition,
  type Membership,
  type NodeId,
  type Rng,
  type SnapshotHeader,
} from "@dister/types";
import type { RaftOptions, Ready } from "../../src/index.ts";
import { LoneCore } from "../lone-core.ts";
import { at } from "../messages.ts";
import { idOf, numberOf } from "./parse.ts";
import { type AppliedEntry, entryText, nameOf, OF_A_SNAPSHOT, printLog, printPosition } from "./print.ts";

/** Draws what the script says, and otherwise always the same: so a is the first whose time-out is over, then b... */
class ScriptedRng implements Rng {
  readonly #usual: number;
  readonly draws: number[] = [];

  constructor(usual: number) {
    this.#usual = usual;
  }

  next(): number {
    return this.draws.shift() ?? this.#usual;
  }

  bytes(count: number): Uint8Array {
    return new Uint8Array(count);
  }
}

/** What a node has on its disk when a transcript begins. */
export interface Disk {
  readonly entries: readonly LogEntry[];
  readonly term?: number;
  readonly vote?: NodeId;
  readonly commit?: number;
  readonly base?: LogPosition;
  /** Index that the state machine stands at. */
  readonly applied?: number;
}

export interface NodeParts {
  readonly name: string;
  readonly founding: Membership;
  readonly options: Partial<RaftOptions>;
  readonly onReady: (node: ScenarioNode, ready: Ready) => void;
  readonly disk?: Disk;
}

/** A node of a transcript: a core with its log, its own clock, and a state machine that keeps what was applied. */
export class ScenarioNode {
  readonly name: string;
  readonly id: NodeId;
  readonly rng: ScriptedRng;
  readonly lone: LoneCore;
  up = true;
  /** Whether a write waits for `store`. */
  diskHeld = false;
  applied: AppliedEntry[] = [];
  /** Membership as of what is applied. */
  membership: Membership;
  /** Handed out to be applied, and not reported yet. */
  handed: readonly LogEntry[] = [];
  /** What a snapshot brings that is being received. */
  incoming: {
    readonly from: string;
    readonly header: SnapshotHeader;
    readonly applied: readonly AppliedEntry[];
  } | null = null;
  readonly #founding: Membership;

  constructor({ name, founding, options, onReady, disk = { entries: [] } }: NodeParts) {
    this.name = name;
    this.id = idOf(name);
    this.membership = founding;
    this.#founding = founding;
    this.rng = new ScriptedRng(numberOf(name) / 10);
    const { applied: appliedIndex = disk.base?.index ?? 0, ...rest } = disk;
    if (disk.base !== undefined && disk.base.index > 0) this.applied = [{ position: disk.base, text: OF_A_SNAPSHOT }];
    for (const entry of disk.entries) if (entry.index <= appliedIndex) this.keep(entry);
    this.lone = new LoneCore({
      ...rest,
      number: numberOf(name),
      membership: this.membership,
      applied: this.appliedPosition,
      options,
      rng: this.rng,
      onReady: (ready) => onReady(this, ready),
    });
  }

  get appliedPosition(): LogPosition {
    return this.applied.at(-1)?.position ?? at(0, 0);
  }

  /** The state machine takes an entry. */
  keep(entry: LogEntry): void {
    this.applied.push({ position: at(entry.index, entry.term), text: entryText(entry) });
    if (entry.kind === ENTRY_KIND.membership) this.membership = decodeMembership(entry.payload);
  }

  /** Starts again from what is durable; the state machine with what it has applied, or with nothing. */
  restart(forgetting: boolean): void {
    if (forgetting) {
      this.applied = [];
      this.membership = this.#founding;
    }
    this.handed = [];
    this.incoming = null;
    this.diskHeld = false;
    this.up = true;
    this.lone.applying = true;
    this.lone.restart(this.appliedPosition, this.membership);
  }

  /** Everything that a reader of a transcript wants to know, in one line. */
  get state(): string {
    if (!this.up) return "down";
    const { role, term, leader, durableIndex, commitIndex, appliedIndex, transferring, suspect } = this.lone.status;
    const { vote } = this.lone.hardState;
    const what = role === "follower" && leader !== null ? `follower of ${nameOf(leader)}` : role;
    const more = [
      ...(transferring ? [", handing over"] : []),
      ...(suspect ? [", suspect"] : []),
      ...(this.incoming === null ? [] : [", receiving a snapshot"]),
    ].join("");
    const positions = `durable ${durableIndex} commit ${commitIndex} applied ${appliedIndex}`;
    return `${what}${more}, term ${term} vote ${vote === null ? "-" : nameOf(vote)}; log ${this.#log}; ${positions}`;
  }

  get #log(): string {
    const { log } = this.lone;
    const base = log.base();
    const kept = log.lastIndex() < log.firstIndex() ? [] : log.read(log.firstIndex(), log.lastIndex(), 1e9);
    const parts = [...(base.index > 0 ? [`(${printPosition(base)})`] : []), printLog(kept)];
    return parts.filter((part) => part !== "").join(" ") || "-";
  }
}
