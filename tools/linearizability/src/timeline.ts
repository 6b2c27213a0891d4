import type { Deadline, Model } from "./model.ts";
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
  readonly open: number;
  /** The open entry with the same input that was invoked before: it is always as good, so it goes first. */
  readonly twin: number;
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

/** Leaves out what cannot matter: refused operations, reads that nobody saw answered, and effects that nobody saw. */
export function timelineOf<S, I, O>(model: Model<S, I, O>, operations: readonly Operation<I, O>[]): Timeline<I, O> {
  const possible = operations.filter((operation) => operation.outcome !== "refused");
  const deadlines = possible.some(isUnknown) ? model.deadlines?.(possible) : undefined;
  const entries = entriesOf(model, possible, deadlines);
  const events: TimelineEvent<I, O>[] = [];
  for (const entry of entries) {
    events.push({ at: entry.operation.invokedAt, isCall: true, entry });
    if (entry.open < 0) events.push({ at: entry.endsAt, isCall: false, entry });
  }
  events.sort((a, b) => a.at - b.at || Number(b.isCall) - Number(a.isCall));
  return { events, openEntries: entries.filter((entry) => entry.open >= 0), slotCount: giveSlots(events) };
}

function isUnknown(operation: Operation<unknown, unknown>): boolean {
  return operation.outcome === "unknown";
}

function entriesOf<S, I, O>(
  model: Model<S, I, O>,
  possible: readonly Operation<I, O>[],
  deadlines: ReadonlyMap<Operation<I, O>, Deadline> | undefined,
): Entry<I, O>[] {
  const entries: Entry<I, O>[] = [];
  const open: Operation<I, O>[] = [];
  for (const operation of possible) {
    const readOnly = model.readOnly?.(operation.input) ?? false;
    const deadline = deadlines?.get(operation);
    if (isUnknown(operation)) {
      if (readOnly || deadline === "unseen") continue;
      if (deadline === undefined || deadline === Number.POSITIVE_INFINITY) {
        open.push(operation);
        continue;
      }
    }
    const endsAt = typeof deadline === "number" ? Math.max(deadline, operation.invokedAt) : endOf(operation);
    const output = isUnknown(operation) ? undefined : operation.output;
    entries.push({ operation, readOnly, endsAt, output, open: -1, twin: -1, slot: -1 });
  }
  return entries.concat(openEntriesOf(open));
}

function openEntriesOf<I, O>(open: Operation<I, O>[]): Entry<I, O>[] {
  open.sort((a, b) => a.invokedAt - b.invokedAt);
  const lastOf = new Map<string, number>();
  return open.map((operation, position) => {
    const text = JSON.stringify(operation.input) ?? "";
    const twin = lastOf.get(text) ?? -1;
    lastOf.set(text, position);
    const endsAt = Number.POSITIVE_INFINITY;
    return { operation, readOnly: false, endsAt, output: undefined, open: position, twin, slot: -1 };
  });
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
