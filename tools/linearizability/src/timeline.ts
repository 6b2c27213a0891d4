import type { Evidence, Model } from "./model.ts";
import { endOf, type Operation } from "./operation.ts";

/** One operation as the search sees it. */
export interface Entry<I, O> {
  readonly operation: Operation<I, O>;
  readonly readOnly: boolean;
  /** Infinity for an operation that need not take effect at all. */
  readonly endsAt: number;
  /** Undefined when the outcome is unknown. */
  readonly output: O | undefined;
  /** Position among the open entries; -1 for one that must take effect. */
  open: number;
  /** The open entry with the same input that was invoked before: it is always as good, so it goes first. */
  twin: number;
  /** No other write takes effect between this one and that time. */
  readonly lastsUntil: number;
  /** A write that may take effect immediately before any other write. */
  readonly hides: boolean;
  /** Bit of the entry while it is pending; shared with others that are never pending at the same time. -1 when open. */
  slot: number;
}

/** A call or a return. */
export interface TimelineEvent<I, O> {
  readonly at: number;
  readonly isCall: boolean;
  readonly entry: Entry<I, O>;
}

/** The calls and returns of one partition in the order of time, calls before the returns of the same time. */
export interface Timeline<I, O> {
  readonly events: readonly TimelineEvent<I, O>[];
  /** In the order of their calls. */
  readonly openEntries: readonly Entry<I, O>[];
  readonly slotCount: number;
}

/**
 * Leaves out what cannot matter: refused operations, reads that nobody saw answered, and effects that nobody saw.
 * @param useEvidence - false for a search that goes on up to the answer that shows the violation.
 */
export function timelineOf<S, I, O>(
  model: Model<S, I, O>,
  operations: readonly Operation<I, O>[],
  useEvidence = true,
): Timeline<I, O> {
  const possible = operations.filter((operation) => operation.outcome !== "refused");
  const evidence = useEvidence ? model.evidence?.(possible) : undefined;
  const entries = entriesOf(model, possible, evidence ?? new Map());
  const openEntries = openEntriesOf(entries);
  const events: TimelineEvent<I, O>[] = [];
  for (const entry of entries) {
    events.push({ at: entry.operation.invokedAt, isCall: true, entry });
    if (entry.open < 0) events.push({ at: entry.endsAt, isCall: false, entry });
  }
  events.sort((a, b) => a.at - b.at || rankOf(a) - rankOf(b));
  return { events, openEntries, slotCount: giveSlots(events) };
}

/** A write that is due at the time at which a read of it is due goes first: then nothing has to be guessed. */
function rankOf({ isCall, entry }: TimelineEvent<unknown, unknown>): number {
  if (isCall) return 0;
  return entry.readOnly ? 2 : 1;
}

function entriesOf<S, I, O>(
  model: Model<S, I, O>,
  possible: readonly Operation<I, O>[],
  evidence: ReadonlyMap<Operation<I, O>, Evidence>,
): Entry<I, O>[] {
  const entries: Entry<I, O>[] = [];
  for (const operation of possible) {
    const isUnknown = operation.outcome === "unknown";
    const readOnly = model.readOnly?.(operation.input) ?? false;
    const { latestAt, lastsUntil, unseen } = evidence.get(operation) ?? {};
    if (isUnknown && (readOnly || unseen)) continue;
    entries.push({
      operation,
      readOnly,
      endsAt: Math.max(operation.invokedAt, Math.min(endOf(operation), latestAt ?? Number.POSITIVE_INFINITY)),
      output: isUnknown ? undefined : operation.output,
      lastsUntil: lastsUntil ?? Number.NEGATIVE_INFINITY,
      hides: unseen ?? false,
      open: -1,
      twin: -1,
      slot: -1,
    });
  }
  return entries;
}

function openEntriesOf<I, O>(entries: readonly Entry<I, O>[]): Entry<I, O>[] {
  const open = entries.filter((entry) => entry.endsAt === Number.POSITIVE_INFINITY);
  open.sort((a, b) => a.operation.invokedAt - b.operation.invokedAt);
  const lastOf = new Map<string, number>();
  for (const [position, entry] of open.entries()) {
    const text = JSON.stringify(entry.operation.input) ?? "";
    entry.open = position;
    entry.twin = lastOf.get(text) ?? -1;
    lastOf.set(text, position);
  }
  return open;
}

function giveSlots(events: readonly TimelineEvent<unknown, unknown>[]): number {
  const free: number[] = [];
  let slotCount = 0;
  for (const { isCall, entry } of events) {
    if (entry.open >= 0) continue;
    if (isCall) entry.slot = free.pop() ?? slotCount++;
    else free.push(entry.slot);
  }
  return slotCount;
}
