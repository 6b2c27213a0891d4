import { type Clock, LIMITS, type Logger, type Status, type StatusChange, type Timer } from "@dister/types";
import type { Gateway } from "../gateway.ts";
import { type Instances, type KnownInstance, statusInForce } from "./instances.ts";

/** Decisions of this time are proposed together. */
const COALESCE_MS = 20;
/** Between two looks at decisions that are not in force: held back, or lost with a proposal. */
const AGAIN_MS = 100;
/** Changes in one write: names of three bytes a character and as long as they may be still fit an entry. */
export const CHANGES_MAX = Math.floor(LIMITS.entryPayloadBytesMax / 2_000);

/** What is to be published, and why. */
export interface Decision {
  readonly status: Status;
  /** For the log line. */
  readonly output: string;
}

export interface PublisherParts {
  readonly gateway: Pick<Gateway, "writeAsLeader">;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly instances: Pick<Instances, "get">;
  /** What an instance is found to be now; null while that is open. */
  readonly decide: (known: KnownInstance) => Decision | null;
}

/** A decision that was written, whatever became of that. */
interface Written extends Decision {
  readonly definedIndex: number;
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
  /** The last decision that was written of each and is not told yet. */
  readonly #untold = new Map<string, Written>();
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
    for (const kept of [this.#open, this.#untold]) {
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
    const { gateway, logger } = this.#parts;
    const changes = this.#due();
    if (changes.length > 0) {
      await gateway.writeAsLeader({ type: "serviceStatus", changes }).catch((error: unknown) => {
        // Nothing is damped by a change that was not made, and the next look decides the same again; or the next leader does.
        if (!this.#stopped) logger.warn("a status could not be replicated", { error });
      });
    }
    this.#timer = null;
    if (this.#open.size > 0) this.#plan(AGAIN_MS);
  }

  #due(): StatusChange[] {
    const changes: StatusChange[] = [];
    for (const key of this.#open) {
      const known = this.#parts.instances.get(key);
      if (known !== undefined) this.#tell(known);
      const decision = known === undefined ? null : this.#parts.decide(known);
      if (known === undefined || decision === null || decision.status === statusInForce(known.instance)) {
        this.#open.delete(key);
        continue;
      }
      if (this.#isDamped(known)) continue;
      if (changes.length === CHANGES_MAX) break;
      const { service, instance } = known;
      const { id, definedIndex } = instance;
      this.#untold.set(key, { ...decision, definedIndex });
      changes.push({ service, id, definedIndex, status: decision.status });
    }
    return changes;
  }

  /** Counted from when this node saw the last change, whoever led then. What is defined anew has none: it is not the same one. */
  #isDamped({ changedMs }: KnownInstance): boolean {
    return this.#parts.clock.nowMs() - changedMs < this.#dampingMs;
  }

  /** One line per change, when it is in force: a write may fail, and it may have been made all the same. */
  #tell({ key, service, instance }: KnownInstance): void {
    const written = this.#untold.get(key);
    if (written === undefined) return;
    const { definedIndex, status, output } = written;
    if (definedIndex === instance.definedIndex && status !== statusInForce(instance)) return;
    this.#untold.delete(key);
    if (definedIndex !== instance.definedIndex) return;
    this.#parts.logger.info("instance changed", { service, instance: instance.id, status, output });
  }
}
