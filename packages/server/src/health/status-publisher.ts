import { type Clock, LIMITS, type Logger, type Status, type StatusChange, type Timer } from "@dister/types";
import type { Gateway } from "../gateway.ts";
import { type Instances, instanceKey, type KnownInstance, statusInForce } from "./instances.ts";

/** Decisions of this time are proposed together. */
const COALESCE_MS = 20;
/** Between two looks at decisions that are not in force: held back, or lost with a proposal. */
const AGAIN_MS = 100;

/** What is to be published, and why. */
export interface Decision {
  readonly status: Status;
  /** For the log line. */
  readonly output: string;
}

export interface PublisherParts {
  readonly gateway: Pick<Gateway, "write">;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly instances: Pick<Instances, "get">;
  /** What an instance is found to be now; null while that is open. */
  readonly decide: (known: KnownInstance) => Decision | null;
}

/**
 * Replicates what was decided, while this node leads: only what differs from the status in force, at most one change of
 * an instance per damping window, changes of one moment in one write. What is lost or held back is decided anew until it is
 * in force, or no longer decided.
 */
export class StatusPublisher {
  readonly #parts: PublisherParts;
  readonly #dampingMs: number;
  /** Keys to be looked at. */
  readonly #open = new Set<string>();
  /** When this node last wrote a change of an instance, in its clock's time. */
  readonly #writtenMs = new Map<string, number>();
  readonly #told = new Map<string, string>();
  #timer: Timer | null = null;
  #stopped = false;

  constructor(parts: PublisherParts, dampingMs: number) {
    this.#parts = parts;
    this.#dampingMs = dampingMs;
  }

  /** What is found of an instance may have changed. */
  look(key: string): void {
    this.#open.add(key);
    this.#plan(COALESCE_MS);
  }

  /** Forgets all instances but these. */
  keep(has: (key: string) => boolean): void {
    for (const kept of [this.#open, this.#writtenMs, this.#told]) {
      for (const key of kept.keys()) if (!has(key)) kept.delete(key);
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #plan(ms: number): void {
    if (this.#stopped || this.#timer !== null) return;
    this.#timer = this.#parts.clock.setTimer(ms, () => void this.#publish());
  }

  async #publish(): Promise<void> {
    const { gateway, logger, clock } = this.#parts;
    const changes = this.#due();
    if (changes.length > 0) {
      const nowMs = clock.nowMs();
      const keys = changes.map(({ service, id }) => instanceKey(service, id));
      for (const key of keys) this.#writtenMs.set(key, nowMs);
      try {
        await gateway.write({ type: "serviceStatus", changes });
      } catch (error) {
        // Nothing is damped by a change that was not made, and the next look decides the same again.
        for (const key of keys) this.#writtenMs.delete(key);
        logger.warn("a status could not be replicated", { error });
      }
    }
    this.#timer = null;
    if (this.#open.size > 0) this.#plan(AGAIN_MS);
  }

  #due(): StatusChange[] {
    const changes: StatusChange[] = [];
    for (const key of this.#open) {
      const known = this.#parts.instances.get(key);
      const decision = known === undefined ? null : this.#parts.decide(known);
      if (known === undefined || decision === null || decision.status === statusInForce(known.instance)) {
        this.#open.delete(key);
        continue;
      }
      if (this.#isDamped(known)) continue;
      const { service, instance } = known;
      if (changes.length === LIMITS.serviceNodesMax) break;
      this.#tell(known, decision);
      changes.push({ service, id: instance.id, definedIndex: instance.definedIndex, status: decision.status });
    }
    return changes;
  }

  /** Whoever led before may have made the last change: log time tells it, as far as the clocks agree. */
  #isDamped({ key, instance }: KnownInstance): boolean {
    const { clock } = this.#parts;
    // What is defined anew is not the same thing flapping.
    if (!instance.checked) return false;
    const writtenMs = this.#writtenMs.get(key);
    const agoMs = writtenMs === undefined ? clock.wallMs() - instance.sinceMs : clock.nowMs() - writtenMs;
    return agoMs >= 0 && agoMs < this.#dampingMs;
  }

  /** One line per change: a decision is repeated until it is in force. */
  #tell({ key, service, instance: { id, definedIndex } }: KnownInstance, { status, output }: Decision): void {
    const decision = `${definedIndex} ${status}`;
    if (this.#told.get(key) === decision) return;
    this.#told.set(key, decision);
    this.#parts.logger.info("instance changed", { service, instance: id, status, output });
  }
}
