import type { CustomChecks } from "@dister/health";
import type { CoreStatus } from "@dister/raft";
import {
  type Clock,
  DisterError,
  type InstanceChecks,
  type Logger,
  type NodeId,
  type Rng,
  type Service,
  type ServiceChecks,
  type StateReader,
  showInstance,
  type Timer,
  voterIds,
} from "@dister/types";
import type { ServiceReport } from "@dister/types/schemas";
import type { LatenciesMs } from "../balance/asked-latencies.ts";
import type { JsonRpc } from "../cluster/json-rpc.ts";
import type { Gateway } from "../gateway.ts";
import { Checker } from "./checker.ts";
import { Instances, instanceKey, type KnownInstance } from "./instances.ts";
import { Leading } from "./leading.ts";
import { isRanked, type ObserverPool, observersOf } from "./observers.ts";
import { meanLatencyMs } from "./verdicts.ts";
import { VOTES_METHOD, VoteSender, type VotesCall, type VotesReply } from "./vote-sender.ts";

/** New and removed instances of this time are taken over together: each costs a look at all of them. */
const REDEFINE_MS = 50;

/** How the instances of services are checked. */
export interface HealthOptions {
  /** What the scripts of `custom` checks may run on this node. */
  readonly custom: CustomChecks;
  /** How many servers check each instance; 1: the leader alone. The same on every server. */
  readonly observers: number;
  /** Milliseconds in which at most one change of an instance is published. */
  readonly dampingMs: number;
  /** Part of its interval by which a check comes later at most, drawn anew each time; 0 to 0.5. */
  readonly jitter: number;
}

export const HEALTH_DEFAULTS: HealthOptions = Object.freeze({
  custom: "off",
  observers: 1,
  dampingMs: 5_000,
  jitter: 0.1,
});

export interface HealthParts {
  readonly self: NodeId;
  readonly raft: { status(): Pick<CoreStatus, "role" | "leader" | "membership"> };
  readonly state: Pick<StateReader, "services" | "service" | "onChange" | "onReset">;
  readonly gateway: Pick<Gateway, "writeAsLeader">;
  readonly json: JsonRpc;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
}

/**
 * Checks the instances of which this node is an observer, and, while it leads, replicates what the observers find. Only a
 * change is ever written.
 */
export class HealthMonitor {
  readonly #parts: HealthParts;
  readonly #options: HealthOptions;
  readonly #instances: Instances;
  readonly #checker: Checker;
  readonly #sender: VoteSender | null;
  #leading: Leading | null = null;
  #pool: ObserverPool;
  /** Who judges an instance, where that takes some computing: the same for all that are ever called by its key. */
  readonly #ranked = new Map<string, readonly NodeId[]>();
  readonly #stopListening: (() => void)[] = [];
  #redefining: Timer | null = null;
  #stopped = false;

  constructor(parts: HealthParts, options: Partial<HealthOptions> = {}) {
    this.#parts = parts;
    this.#options = { ...HEALTH_DEFAULTS, ...options };
    const { clock, rng, logger, json } = parts;
    this.#instances = new Instances(clock);
    this.#pool = { members: [], leader: null, observers: this.#options.observers };
    this.#checker = new Checker({ clock, rng, logger, onState: (key) => this.#found(key) }, this.#options);
    this.#sender = this.#options.observers === 1 ? null : this.#makeSender();
    json.serve<VotesCall, VotesReply>(VOTES_METHOD, (from, { votes }) => {
      return { wantsAll: this.#leader().hear(from.id, votes) };
    });
  }

  start(): void {
    const { state } = this.#parts;
    this.#instances.load(state.services());
    this.#stopListening.push(
      state.onChange((event) => {
        if (event.type === "service") this.#serviceChanged(event.name, event.service);
      }),
      state.onReset(() => {
        this.#instances.load(state.services());
        this.#redefine();
      }),
    );
    this.statusChanged();
  }

  stop(): void {
    this.#stopped = true;
    for (const end of this.#stopListening) end();
    this.#redefining?.cancel();
    this.#sender?.stop();
    this.#leading?.stop();
    this.#leading = null;
    this.#checker.stop();
  }

  /** Raft's view has changed: perhaps somebody else leads, or another member judges. */
  statusChanged(): void {
    // Raft ends behind the checks, and what it says until then is nobody's business here.
    if (this.#stopped) return;
    const { role, leader, membership } = this.#parts.raft.status();
    const members = voterIds(membership);
    const before = this.#pool;
    this.#pool = { ...before, leader, members };
    const leads = role === "leader";
    if (leads !== (this.#leading !== null)) this.#lead(leads);
    const sameMembers = before.members.join() === members.join();
    if (before.leader === leader && sameMembers) return;
    if (!sameMembers) this.#ranked.clear();
    this.#assign();
    this.#leading?.lookAtAll();
    if (before.leader !== leader) this.#sender?.sayAll();
  }

  /**
   * Takes what applications report of themselves, all or none; the next check of each counts it.
   * @throws DisterError `DISTER_ERR_NOT_LEADER`, `DISTER_ERR_SERVICE_NOT_FOUND`, `DISTER_ERR_INVALID` for what is no
   *   instance of type `ttl`.
   */
  report(reports: readonly ServiceReport[]): void {
    this.#leader();
    const keys = reports.map((report, position) => this.#reportedKey(report, position));
    for (const [at, key] of keys.entries()) this.#checker.report(key, reports[at]!.status === 1);
  }

  /** How long the checks of a service took, as far as this node has heard. */
  latenciesOf(service: Service): LatenciesMs {
    const leading = this.#leading;
    return service.node.map(({ id }) => {
      const known = this.#instances.get(instanceKey(service.name, id));
      return leading === null || known === undefined ? undefined : meanLatencyMs(leading.votesOf(known));
    });
  }

  /**
   * What the checks of a service have found.
   * @throws DisterError `DISTER_ERR_NOT_LEADER`.
   */
  checksOf({ name, type, node, protectedMs }: Service): ServiceChecks {
    const leading = this.#leader();
    const checks = node.map((instance): InstanceChecks => {
      const known = this.#instances.get(instanceKey(name, instance.id));
      const { id, state, status, since } = showInstance(instance);
      const votes = known === undefined ? [] : leading.votesOf(known);
      const observers = votes.map(([observer, { status: found, output, latencyMs, checks }]) => {
        const verdict = found === null ? "unknown" : found === 1 ? "passing" : "critical";
        const shownMs = latencyMs === null ? null : Math.round(latencyMs * 1_000) / 1_000;
        return { node: observer, state: verdict, output, latencyMs: shownMs, checks } as const;
      });
      return { id, state, status, ...(since === undefined ? {} : { since }), kept: instance.kept, observers };
    });
    return { name, type, protected: protectedMs > 0, instances: checks };
  }

  /** Figures of this node's checks. */
  figures(): ReturnType<Checker["figures"]> {
    return this.#checker.figures();
  }

  #leader(): Leading {
    if (this.#leading === null) throw new DisterError("DISTER_ERR_NOT_LEADER", { leader: "another node" });
    return this.#leading;
  }

  #lead(leads: boolean): void {
    this.#leading?.stop();
    this.#leading = null;
    if (!leads) return;
    const { self, state, gateway, clock, logger } = this.#parts;
    const [instances, checker] = [this.#instances, this.#checker];
    this.#leading = new Leading(
      { self, state, gateway, clock, logger, instances, checker, observersOf: (known) => this.#observersOf(known) },
      this.#options,
    );
  }

  #serviceChanged(name: string, service: Service | null): void {
    const { redefined, changed } = this.#instances.take(name, service);
    for (const known of changed) {
      if (!redefined) this.#checker.inForce(known);
      this.#leading?.look(known.key);
    }
    this.#leading?.serviceChanged(name, service);
    if (redefined) this.#redefine();
  }

  #redefine(): void {
    this.#redefining ??= this.#parts.clock.setTimer(REDEFINE_MS, () => {
      this.#redefining = null;
      for (const key of this.#ranked.keys()) if (this.#instances.get(key) === undefined) this.#ranked.delete(key);
      this.#assign();
    });
  }

  /** Checks what this node is to check, and nothing else. */
  #assign(): void {
    const { self } = this.#parts;
    this.#checker.update([...this.#instances.all()].filter((known) => this.#observersOf(known).includes(self)));
    this.#leading?.assigned();
  }

  #observersOf(known: KnownInstance): readonly NodeId[] {
    if (!isRanked(known, this.#pool)) return observersOf(known, this.#pool);
    const kept = this.#ranked.get(known.key);
    if (kept !== undefined) return kept;
    const observers = observersOf(known, this.#pool);
    this.#ranked.set(known.key, observers);
    return observers;
  }

  /** The checks of an instance come to something else here. */
  #found(key: string): void {
    if (this.#leading !== null) this.#leading.look(key);
    else this.#sender?.changed(key);
  }

  #makeSender(): VoteSender {
    const { json, clock, logger, self } = this.#parts;
    return new VoteSender({
      json,
      clock,
      logger,
      leader: () => (this.#pool.leader === self ? null : this.#pool.leader),
      keys: () => this.#checker.keys(),
      vote: (key) => this.#checker.vote(key),
    });
  }

  #reportedKey({ name, id, host, port }: ServiceReport, position: number): string {
    const service = this.#parts.state.service(name);
    if (service === undefined) throw new DisterError("DISTER_ERR_SERVICE_NOT_FOUND", { name });
    const found = service.node.find((instance) =>
      id === undefined ? instance.host === host && (instance.port ?? "") === (port ?? "") : instance.id === id,
    );
    if (service.type === "ttl" && found !== undefined) return instanceKey(name, found.id);
    const field = `${position}.${id === undefined ? "host" : "id"}`;
    const got = service.type === "ttl" ? `no instance of ${name}` : `an instance of type ${service.type}`;
    const allowed = "an instance of a service of type ttl, as registered";
    throw new DisterError("DISTER_ERR_INVALID", { field, got, allowed });
  }
}
