import type { CoreStatus, RaftNode } from "@dister/raft";
import type { Store } from "@dister/store";
import type { CommandOutcome, LogStore } from "@dister/types";
import { type LogImage, LogModel } from "./log-model.ts";
import type { Machine } from "./machine.ts";
import { WatchedLog } from "./watched-log.ts";
import { type StateWatcher, WatchedState } from "./watched-state.ts";

/** One life of a node, from its start to its end by its own hand or another's. */
export class Process {
  readonly machine: Machine;
  isAlive = true;
  #waiting: (() => void)[] | null = null;
  readonly #mourners: (() => void)[] = [];
  log!: WatchedLog;
  state!: WatchedState;
  raft: RaftNode<CommandOutcome> | null = null;
  model: LogModel | null = null;

  constructor(machine: Machine) {
    this.machine = machine;
  }

  get name(): string {
    return this.machine.name;
  }

  get status(): CoreStatus {
    return this.raft!.status();
  }

  /** Runs something inside this process: later when it is paused, never when it has ended. */
  readonly run = (what: () => void): void => {
    if (!this.isAlive) return;
    if (this.#waiting !== null) {
      this.#waiting.push(what);
      return;
    }
    what();
    this.machine.watch.stepped(this);
  };

  /** Calls once when the process ends; at once when it has. */
  whenEnded(tell: () => void): void {
    if (this.isAlive) this.#mourners.push(tell);
    else tell();
  }

  get isPaused(): boolean {
    return this.#waiting !== null;
  }

  pause(): void {
    this.#waiting ??= [];
  }

  resume(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = null;
    const { world } = this.machine;
    // One after the other, each with its own turn, as an event loop does.
    for (const what of waiting) world.after(0, `${this.name} catches up`, () => this.run(what));
  }

  opened(log: LogStore, store: Store): void {
    const { machine } = this;
    const found = imageOf(log);
    machine.watch.opened(this, log, found);
    this.model = new LogModel(found);
    machine.model = this.model;
    this.log = new WatchedLog(log, {
      handedOver: (write) => {
        if (!this.isAlive) return;
        machine.watch.handedOver(this, write);
        this.model!.handedOver(write);
      },
      durable: () => {
        if (this.isAlive) this.model!.done();
      },
      resetTo: (base) => {
        this.model!.resetTo(base);
        machine.watch.resetting(this);
      },
      resetDone: () => {
        if (this.isAlive) this.model!.done();
      },
      compacting: (index) => {
        this.model!.compactable = Math.max(this.model!.compactable, index);
        machine.watch.compacting(this);
      },
    });
    this.state = new WatchedState(store, this.#stateWatcher());
  }

  /** Hands on what happens to the state, as long as this process lives. */
  #stateWatcher(): StateWatcher {
    const { machine } = this;
    const { watch } = machine;
    const alive = (tell: () => void): void => {
      if (this.isAlive) tell();
    };
    return {
      applied: (entries, outcomes) => alive(() => watch.applied(this, entries, outcomes)),
      changed: (event) => alive(() => watch.changed(this, event)),
      streamReset: (logId) => alive(() => watch.streamReset(this, logId)),
      pieceArrived: () => alive(() => watch.pieceArrived(this)),
      receptionResumed: () => machine.world.coverage.reached("reception of a snapshot resumed"),
      sinkAborted: () => machine.world.coverage.reached("snapshot cut off"),
      restored: (position) => alive(() => watch.restored(this, position)),
      durable: (image) => alive(() => machine.keepDurable(image)),
    };
  }

  began(raft: RaftNode<CommandOutcome>): void {
    this.raft = raft;
    this.machine.watch.started(this);
    this.machine.watch.stepped(this);
  }

  restored(): void {
    this.machine.world.coverage.reached("snapshot installed");
  }

  /** It has stopped itself. */
  died(error: unknown): void {
    if (!this.isAlive) return;
    this.machine.world.trace.line(`  ${this.name} stopped itself: ${String(error)}`);
    try {
      this.machine.explain(error);
    } catch (violation) {
      this.machine.world.fail(violation as Error);
    }
    this.end("power");
  }

  end(how: "kill" | "power", keep?: number): void {
    if (!this.isAlive) return;
    const { machine } = this;
    this.isAlive = false;
    machine.watch.ended(this);
    machine.network.leave(machine.id);
    machine.process = null;
    this.#waiting = null;
    if (this.state !== undefined) {
      machine.keepLatest(this.state.image());
      void this.state.close();
    }
    machine.settleDisk(how, keep);
    for (const tell of this.#mourners.splice(0)) tell();
    void this.raft?.stop().catch(() => undefined);
  }
}

/** A log as it is, in numbers. */
export function imageOf(log: LogStore): LogImage {
  const base = log.base();
  const terms: number[] = [];
  for (let index = base.index + 1; index <= log.lastIndex(); index++) terms.push(log.termAt(index)!);
  return { base, terms, hardState: log.hardState() };
}
