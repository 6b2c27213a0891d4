import { encodeCommand } from "@dister/store";
import { type Command, logIdIndex } from "@dister/types";
import type { Cluster } from "../world/cluster.ts";
import type { Dice } from "../world/dice.ts";
import type { Machine } from "../world/machine.ts";
import type { Process } from "../world/process.ts";
import { type CallResult, call } from "./call.ts";
import type { Histories } from "./histories.ts";

const KEYS = ["k0", "k1"];
const SET_KEYS = ["m/a", "m/b", "m/c"];
/** So many election time-outs a client waits before it does not know. */
const PATIENCE_TIMEOUTS = 4;
const HOPS_MAX = 4;
const REPEATS_MAX = 3;

/** One client: does one thing after the other, anywhere in the cluster, and writes down what it did and saw. */
export class Client {
  readonly #cluster: Cluster;
  readonly #histories: Histories;
  readonly #number: number;
  readonly #dice: Dice;
  #made = 0;
  #isStopped = false;
  /** Where this client believes the leader to be. */
  #favourite: Machine | null = null;
  /** The list that this client alone extends, as far as it was acknowledged; null when it lost track. */
  #list: string[] | null = [];
  readonly done: Promise<void>;

  constructor(cluster: Cluster, histories: Histories, number: number, purpose: "anything" | "proof" = "anything") {
    this.#cluster = cluster;
    this.#histories = histories;
    this.#number = number;
    this.#dice = cluster.world.dice(`client ${number}`);
    this.done = purpose === "proof" ? this.#prove() : this.#work();
  }

  stop(): void {
    this.#isStopped = true;
  }

  get #nowMs(): number {
    return this.#cluster.world.nowMs;
  }

  async #work(): Promise<void> {
    while (!this.#isStopped) {
      await this.#rest(this.#dice.between(5, 120));
      if (this.#isStopped) return;
      const kind = this.#dice.next();
      if (kind < 0.3) await this.#put();
      else if (kind < 0.36) await this.#delete();
      else if (kind < 0.55) await this.#get(this.#dice.chance(0.3));
      else if (kind < 0.65) await this.#putMany();
      else if (kind < 0.75) await this.#readMany();
      else if (kind < 0.88) await this.#add();
      else await this.#append();
    }
  }

  /** Writes and reads one key by turns: what a cluster that is well can do. */
  async #prove(): Promise<void> {
    while (!this.#isStopped) {
      await this.#put();
      if (!this.#isStopped) await this.#get(false);
      await this.#rest(this.#dice.between(5, 20));
    }
  }

  #rest(ms: number): Promise<void> {
    return new Promise((resolve) => this.#cluster.world.after(ms, `client ${this.#number} rests`, resolve));
  }

  #name(): string {
    return `${this.#number}.${++this.#made}`;
  }

  // ---- what it does --------------------------------------------------------------------------------------------------

  async #put(): Promise<void> {
    const [key, value] = [this.#dice.pick(KEYS), this.#name()];
    const invokedAt = this.#nowMs;
    const { outcome } = await this.#write({ type: "kvSet", pairs: [[key, value]] }, value);
    this.#histories.registerWritten({ ...this.#times(invokedAt), input: { kind: "put", key, value }, outcome }, value);
  }

  async #delete(): Promise<void> {
    const key = this.#dice.pick(KEYS);
    const invokedAt = this.#nowMs;
    const requestId = this.#name();
    const { outcome } = await this.#write({ type: "kvDelete", keys: [key] }, requestId);
    this.#histories.registerWritten({ ...this.#times(invokedAt), input: { kind: "delete", key }, outcome }, requestId);
  }

  async #get(isList: boolean): Promise<void> {
    const key = isList ? `l/${this.#dice.below(this.#cluster.setting.clients)}` : this.#dice.pick(KEYS);
    const invokedAt = this.#nowMs;
    const result = await this.#read((process) => process.state.inner.kv(key)?.value ?? null);
    if (result.outcome !== "ok") return;
    const { value } = result;
    if (isList) {
      const elements = value === null ? [] : value.split(" ");
      this.#histories.lists.push({ ...this.#times(invokedAt), list: key, reader: this.#number, elements });
      return;
    }
    const input = { kind: "get", key } as const;
    this.#histories.register.push({ ...this.#times(invokedAt), input, outcome: "ok", output: value });
  }

  async #putMany(): Promise<void> {
    const value = this.#name();
    const invokedAt = this.#nowMs;
    const pairs = SET_KEYS.map((key) => [key, value] as const);
    const { outcome } = await this.#write({ type: "kvSet", pairs }, value);
    const input = { kind: "put", set: "m/", values: Object.fromEntries(pairs) } as const;
    this.#histories.multiKeyWritten({ ...this.#times(invokedAt), input, outcome }, value);
  }

  async #readMany(): Promise<void> {
    const invokedAt = this.#nowMs;
    const result = await this.#read(({ state }) => state.inner.kvPage({ prefix: "m/", after: "", limit: 10 }));
    if (result.outcome !== "ok") return;
    const output = Object.fromEntries(result.value.map(({ key, value }) => [key, value]));
    const input = { kind: "read", set: "m/" } as const;
    this.#histories.multiKey.push({ ...this.#times(invokedAt), input, outcome: "ok", output });
  }

  async #add(): Promise<void> {
    const element = this.#name();
    const { outcome } = await this.#write({ type: "kvSet", pairs: [[`s/${element}`, ""]] }, element);
    this.#histories.adds.push({ client: this.#number, element, outcome });
  }

  /** Nobody else writes this list, so that it may be written whole; but only one request may be under way. */
  async #append(): Promise<void> {
    if (this.#list === null) return this.#add();
    const element = this.#name();
    const list = `l/${this.#number}`;
    const wanted = [...this.#list, element];
    let wasUnknown = false;
    for (;;) {
      const invokedAt = this.#nowMs;
      const { outcome } = await this.#write({ type: "kvSet", pairs: [[list, wanted.join(" ")]] }, element);
      const { client: _client, ...times } = this.#times(invokedAt);
      this.#histories.appends.push({ ...times, list, element, requestId: element, outcome });
      if (outcome === "ok") this.#list = wanted;
      if (outcome === "unknown") wasUnknown = true;
      if (outcome === "ok" || !wasUnknown) return;
      if (!this.#isStopped) continue;
      this.#list = null;
      return;
    }
  }

  #times(invokedAt: number): { client: number; invokedAt: number; completedAt: number } {
    return { client: this.#number, invokedAt, completedAt: this.#nowMs };
  }

  // ---- how it gets there ---------------------------------------------------------------------------------------------

  /** Writes, with one request id however often it is sent; gives up where it does not know. */
  async #write(command: Command, requestId: string): Promise<CallResult<unknown>> {
    const { facts, world } = this.#cluster;
    let result: CallResult<unknown> = { outcome: "unknown" };
    let wasUnknown = false;
    for (let repeats = this.#dice.chance(0.5) ? REPEATS_MAX : 0; repeats >= 0; repeats--) {
      result = await this.#somewhere("write", async ({ raft, machine }) => {
        const payload = encodeCommand({ requestId, timeMs: machine.clock.wallMs, command });
        const applied = await raft!.propose(payload);
        if (wasUnknown && applied.result?.logId !== undefined) {
          const isFirst = logIdIndex(applied.result.logId) === applied.index;
          if (!isFirst) world.coverage.reached("write applied once though sent twice");
        }
        return applied.index;
      });
      if (result.outcome === "ok") {
        facts.acknowledged = Math.max(facts.acknowledged, result.value as number);
        return result;
      }
      if (result.outcome === "unknown") wasUnknown = true;
      if (this.#isStopped) break;
    }
    if (wasUnknown) result = { outcome: "unknown" };
    world.coverage.reached(wasUnknown ? "write of unknown outcome" : "write surely not done");
    return result;
  }

  async #read<T>(look: (process: Process) => T): Promise<CallResult<T>> {
    const { rules, world } = this.#cluster;
    const asked = rules.reads.asked();
    const result = await this.#somewhere("read", async (process) => {
      const index = await process.raft!.readBarrier();
      rules.reads.answered(asked, index, process.name);
      if (process.status.role !== "leader") world.coverage.reached("read answered by a follower");
      return look(process);
    });
    if (result.outcome !== "ok") world.coverage.reached("read refused");
    return result;
  }

  /** Calls a node, and whom it names as the leader. */
  async #somewhere<T>(to: "read" | "write", work: (process: Process) => Promise<T>): Promise<CallResult<T>> {
    const { world, machines, attraction, setting } = this.#cluster;
    const timeoutMs = PATIENCE_TIMEOUTS * setting.raft.electionTimeoutMs;
    let machine = this.#favourite !== null && this.#dice.chance(0.6) ? this.#favourite : this.#dice.pick(machines);
    if (attraction?.to === to && this.#dice.chance(0.6)) ({ machine } = attraction);
    for (let hop = 0; ; hop++) {
      const options = { timeoutMs, delayMs: this.#dice.between(0.1, 2) };
      const result = await call(world, machine, work, options);
      if (result.outcome !== "refused") {
        this.#favourite = result.outcome === "ok" ? machine : null;
        return result;
      }
      this.#favourite = null;
      if (result.code === "DISTER_ERR_TRANSFERRING") world.coverage.reached("proposal refused during a hand-over");
      if (hop >= HOPS_MAX) return result;
      machine = result.leader === undefined ? this.#dice.pick(machines) : this.#cluster.machine(result.leader);
      if (result.leader === undefined) await this.#rest(this.#dice.between(10, 100));
    }
  }
}
