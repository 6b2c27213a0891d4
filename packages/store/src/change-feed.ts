import { type ChangeEvent, type Changes, LIMITS, type Logger, type LogId } from "@dister/types";

/** Characters of keys and values that the history keeps at most: few large values are as heavy as many small ones. */
const HISTORY_CHARS_MAX = 32 * 1024 * 1024;

/** The events of one entry. */
interface Group {
  readonly logId: LogId;
  readonly events: ChangeEvent[];
  chars: number;
}

/** Tells listeners what changed and remembers the newest of it, bounded in events and in size. */
export class ChangeFeed {
  readonly #logger: Logger;
  readonly #listeners = new Set<(event: ChangeEvent) => void>();
  readonly #undelivered: ChangeEvent[] = [];
  #delivering = false;
  readonly #resetListeners = new Set<(logId: LogId) => void>();
  /** Oldest first, from `#first` on; everything behind `#oldest` and up to `#newest` is here. */
  #history: Group[] = [];
  #first = 0;
  #oldest: LogId;
  #newest: LogId;
  #events = 0;
  #chars = 0;

  /** @param logId - log id up to which there will never be events here. */
  constructor(logger: Logger, logId: LogId) {
    this.#logger = logger;
    this.#oldest = logId;
    this.#newest = logId;
  }

  listen(listener: (event: ChangeEvent) => void): () => void {
    // A function of its own per call: the same listener may listen twice, and each ends for itself.
    const own = (event: ChangeEvent) => listener(event);
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  listenReset(listener: (logId: LogId) => void): () => void {
    const own = (logId: LogId) => listener(logId);
    this.#resetListeners.add(own);
    return () => this.#resetListeners.delete(own);
  }

  /** Takes the events of everything up to `throughLogId`, in log order, and tells them. */
  publish(events: readonly ChangeEvent[], throughLogId: LogId): void {
    for (const event of events) this.#remember(event);
    this.#newest = throughLogId;
    this.#compact();
    this.#deliver(events);
  }

  /** Forgets everything and says so: the state was replaced as a whole and is now that of `logId`. */
  reset(logId: LogId): void {
    this.#history = [];
    this.#first = 0;
    this.#events = 0;
    this.#chars = 0;
    this.#oldest = logId;
    this.#newest = logId;
    this.#undelivered.length = 0;
    for (const listener of [...this.#resetListeners]) {
      this.#guard(() => listener(logId), logId);
    }
  }

  /** Events behind `logId`, about `limit` of them: an entry is never cut in two. */
  since(logId: LogId, limit: number): Changes {
    if (logId < this.#oldest) return { compacted: true, oldestLogId: this.#oldest };
    const events: ChangeEvent[] = [];
    for (let at = this.#firstBehind(logId); at < this.#history.length; at++) {
      const group = this.#history[at]!;
      if (events.length > 0 && events.length + group.events.length > limit) {
        return { compacted: false, events, throughLogId: this.#history[at - 1]!.logId };
      }
      for (const event of group.events) events.push(event);
    }
    return { compacted: false, events, throughLogId: Math.max(logId, this.#newest) };
  }

  #remember(event: ChangeEvent): void {
    let group = this.#history.at(-1);
    if (group?.logId !== event.logId) {
      group = { logId: event.logId, events: [], chars: 0 };
      this.#history.push(group);
    }
    const chars = weightOf(event);
    group.events.push(event);
    group.chars += chars;
    this.#events++;
    this.#chars += chars;
  }

  /** Drops whole entries, the oldest first. */
  #compact(): void {
    while (this.#events > LIMITS.changesKeptMax || this.#chars > HISTORY_CHARS_MAX) {
      const group = this.#history[this.#first++]!;
      this.#events -= group.events.length;
      this.#chars -= group.chars;
      this.#oldest = group.logId;
    }
    // The dropped half is cut off at once, for moving the rest after every batch would cost more than the batch.
    if (this.#first * 2 > this.#history.length) {
      this.#history.splice(0, this.#first);
      this.#first = 0;
    }
  }

  #firstBehind(logId: LogId): number {
    let low = this.#first;
    let high = this.#history.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#history[middle]!.logId <= logId) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** A listener may apply more: those events wait until every listener has got these. */
  #deliver(events: readonly ChangeEvent[]): void {
    if (this.#listeners.size === 0) return;
    for (const event of events) this.#undelivered.push(event);
    if (this.#delivering) return;
    this.#delivering = true;
    for (let at = 0; at < this.#undelivered.length; at++) {
      const event = this.#undelivered[at]!;
      // Who comes while an event is told has already read it; who goes is not told any more.
      for (const listener of [...this.#listeners]) {
        if (this.#listeners.has(listener)) this.#guard(() => listener(event), event.logId);
      }
    }
    this.#undelivered.length = 0;
    this.#delivering = false;
  }

  #guard(tell: () => void, logId: LogId): void {
    try {
      tell();
    } catch (error) {
      this.#logger.error("a listener of changes failed", { logId, error });
    }
  }
}

function weightOf(event: ChangeEvent): number {
  if (event.type === "kv") return event.key.length + (event.record?.value.length ?? 0);
  // About what a node of a service takes; an event shares its nodes with the state and with other events.
  return event.name.length + (event.service?.node.length ?? 0) * 100;
}
