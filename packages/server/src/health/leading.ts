import { type Clock, type Logger, type NodeId, type Service, STATUS, type Timer } from "@dister/types";
import type { Gateway } from "../gateway.ts";
import type { Checker } from "./checker.ts";
import type { Instances, KnownInstance } from "./instances.ts";
import { ProtectionWatch } from "./protection-watch.ts";
import { type Decision, StatusPublisher } from "./status-publisher.ts";
import { majorityOf, type ObserverVote, Verdicts, type Vote } from "./verdicts.ts";

/** Observers say something at least as often as this. */
export const VOTES_EVERY_MS = 2_000;
/** One that has said nothing for so long has no vote any more. */
const SILENT_MS = 3 * VOTES_EVERY_MS;

export interface LeadingParts {
  readonly self: NodeId;
  readonly state: { services(): Service[] };
  readonly gateway: Pick<Gateway, "writeAsLeader">;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly instances: Instances;
  readonly checker: Pick<Checker, "vote">;
  /** Who judges an instance. */
  readonly observersOf: (known: KnownInstance) => readonly NodeId[];
}

/** What a leader does about health: it hears the observers, decides by their majority, and replicates what changes. */
export class Leading {
  readonly #parts: LeadingParts;
  readonly #verdicts = new Verdicts();
  readonly #publisher: StatusPublisher;
  readonly #protection: ProtectionWatch;
  readonly #heardMs = new Map<NodeId, number>();
  #timer: Timer;

  constructor(parts: LeadingParts, { dampingMs }: { dampingMs: number }) {
    this.#parts = parts;
    const { gateway, clock, logger, instances, state } = parts;
    const decide = (known: KnownInstance) => this.#decide(known);
    this.#publisher = new StatusPublisher({ gateway, clock, logger, instances, decide }, dampingMs);
    this.#protection = new ProtectionWatch({ state, gateway, clock, logger });
    this.#timer = clock.setTimer(VOTES_EVERY_MS, () => this.#look());
  }

  /** What is found of an instance here, or its status, has changed. */
  look(key: string): void {
    this.#publisher.look(key);
  }

  serviceChanged(name: string, service: Service | null): void {
    this.#protection.serviceChanged(name, service);
  }

  /** Instances came or went, or others judge them. */
  assigned(): void {
    const { instances, observersOf } = this.#parts;
    this.#verdicts.keep((key) => {
      const known = instances.get(key);
      return known === undefined ? [] : observersOf(known);
    });
    this.#publisher.keep((key) => instances.get(key) !== undefined);
  }

  /** Somebody else leads, or others judge: fewer of them may agree where more did not. */
  lookAtAll(): void {
    for (const key of this.#parts.instances.keys()) this.#publisher.look(key);
  }

  /** @returns whether the observer should say everything: what it said before is not known here. */
  hear(observer: NodeId, votes: readonly Vote[]): boolean {
    const isNew = !this.#heardMs.has(observer);
    this.#heardMs.set(observer, this.#parts.clock.nowMs());
    for (const vote of votes) {
      this.#verdicts.take(observer, vote);
      this.#publisher.look(vote.key);
    }
    return isNew;
  }

  /** What each of those who judge an instance says of it, as far as it was heard. */
  votesOf(known: KnownInstance): ObserverVote[] {
    return this.#votesOf(known, this.#parts.observersOf(known));
  }

  stop(): void {
    this.#timer.cancel();
    this.#publisher.stop();
    this.#protection.stop();
  }

  #votesOf(known: KnownInstance, observers: readonly NodeId[]): ObserverVote[] {
    const { self, checker } = this.#parts;
    const own = checker.vote(known.key);
    if (own !== undefined) this.#verdicts.take(self, own);
    return this.#verdicts.of(known, observers);
  }

  #decide(known: KnownInstance): Decision | null {
    const observers = this.#parts.observersOf(known);
    const votes = this.#votesOf(known, observers);
    const status = majorityOf(votes, observers.length);
    if (status === null) return null;
    const agreeing = votes.filter(([, vote]) => vote.status === status);
    const output = agreeing[0]?.[1].output ?? "";
    if (observers.length === 1) return { status, output };
    const word = status === STATUS.alive ? "passing" : "critical";
    return { status, output: `${output} (${word} for ${agreeing.length} of ${observers.length})` };
  }

  #look(): void {
    const { clock } = this.#parts;
    this.#timer = clock.setTimer(VOTES_EVERY_MS, () => this.#look());
    for (const [observer, heardMs] of this.#heardMs) {
      if (clock.nowMs() - heardMs <= SILENT_MS) continue;
      this.#heardMs.delete(observer);
      this.#verdicts.forget(observer);
    }
  }
}
