import fc from "fast-check";
import type { Model, MultiKeyInput, MultiKeyOutput, Operation, RegisterInput, RegisterOutput } from "../src/index.ts";

/** What is known about one kind of history: its model and how inputs and outputs of it are drawn. */
export interface Subject<S, I, O> {
  readonly model: Model<S, I, O>;
  readonly input: fc.Arbitrary<I>;
  /** An output that may or may not be possible. */
  readonly output: fc.Arbitrary<O>;
}

/** The model without what makes its search cheap. */
export function bare<S, I, O>(model: Model<S, I, O>): Model<S, I, O> {
  return {
    init: () => model.init(),
    step: (state, input, output) => model.step(state, input, output),
    key: (state) => model.key(state),
  };
}

const value = fc.constantFrom("a", "b", "c");
const presence = fc.option(value, { nil: null, freq: 3 });

export const registerInput: fc.Arbitrary<RegisterInput> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("get" as const), key: fc.constant("k") }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("put" as const), key: fc.constant("k"), value }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("delete" as const), key: fc.constant("k") }) },
);
export const registerOutput: fc.Arbitrary<RegisterOutput> = presence;

export const multiKeyInput: fc.Arbitrary<MultiKeyInput> = fc.oneof(
  fc.record({ kind: fc.constant("read" as const), set: fc.constant("s") }),
  fc.record({
    kind: fc.constant("put" as const),
    set: fc.constant("s"),
    values: fc.record({ x: presence, y: presence }, { requiredKeys: [] }),
  }),
);
export const multiKeyOutput: fc.Arbitrary<MultiKeyOutput> = fc.record(
  { x: presence, y: presence },
  { requiredKeys: [] },
);

/** A list of letters: nothing covers anything, and a model without any of the optional methods. */
export type LetterInput = { readonly append: string } | "read";
export const letterModel: Model<string, LetterInput, string> = {
  init: () => "",
  step(state, input, output) {
    if (input !== "read") return state + input.append;
    return output === undefined || output === state ? state : null;
  },
  key: (state) => state,
};
export const letterInput: fc.Arbitrary<LetterInput> = fc.oneof(
  fc.constant("read" as const),
  value.map((append) => ({ append })),
);
export const letterOutput: fc.Arbitrary<string> = fc.string({ unit: value, maxLength: 3 });

const outcome = fc.constantFrom("ok", "ok", "ok", "unknown", "refused" as const);

/** Histories without any sense, on so few instants that many operations overlap or touch. */
export function arbitraryHistory<S, I, O>({ input, output }: Subject<S, I, O>, maxLength: number) {
  const operation = fc
    .record({ client: fc.nat(3), input, output, outcome, invokedAt: fc.nat(9), length: fc.nat(5) })
    .map(({ length, ...rest }): Operation<I, O> => ({ ...rest, completedAt: rest.invokedAt + length }));
  return fc.array(operation, { maxLength });
}

type Fate = "ok" | "refused" | "unknown and done" | "unknown and done late" | "unknown and never done";
const FATES: readonly Fate[] = [
  ...(["ok", "ok", "ok", "ok", "ok", "ok"] as const),
  ...(["refused", "unknown and done", "unknown and done late", "unknown and never done"] as const),
];

/** How one operation of an executed history goes. */
interface Plan<I> {
  readonly client: number;
  readonly input: I;
  readonly pause: number;
  readonly before: number;
  readonly after: number;
  readonly fate: Fate;
}

/**
 * Histories of clients that really execute their operations on one object, each at a moment between its invocation and its
 * completion, and so are linearizable.
 * @param execute - the output of the input in the state.
 */
export function executedHistory<S, I, O>(
  { model, input }: Subject<S, I, O>,
  { clients, length, fates = FATES }: { clients: number; length: fc.ArrayConstraints; fates?: readonly Fate[] },
  execute: (state: S, input: I) => O,
): fc.Arbitrary<Operation<I, O>[]> {
  const fate = fc.constantFrom(...fates);
  const plan = fc.record({
    client: fc.nat(clients - 1),
    input,
    pause: fc.nat(4),
    before: fc.nat(4),
    after: fc.nat(4),
    fate,
  });
  return fc.array(plan, length).map((plans) => run(model, plans, execute));
}

function run<S, I, O>(
  model: Model<S, I, O>,
  plans: readonly Plan<I>[],
  execute: (state: S, input: I) => O,
): Operation<I, O>[] {
  const freeAt = new Map<number, number>();
  const timed = plans.map(({ client, input, pause, before, after, fate }) => {
    const invokedAt = (freeAt.get(client) ?? 0) + pause;
    const completedAt = invokedAt + before + after;
    freeAt.set(client, completedAt + 1);
    return {
      client,
      input,
      fate,
      invokedAt,
      completedAt,
      doneAt: invokedAt + before + (fate === "unknown and done late" ? 20 : 0),
    };
  });
  timed.sort((a, b) => a.doneAt - b.doneAt);
  let state = model.init();
  return timed.map(({ client, input, fate, invokedAt, completedAt }): Operation<I, O> => {
    const output = execute(state, input);
    const isDone = fate !== "refused" && fate !== "unknown and never done";
    if (isDone) state = model.step(state, input, output)!;
    const outcome = fate === "ok" || fate === "refused" ? fate : "unknown";
    return { client, input, invokedAt, completedAt, outcome, output };
  });
}

/** The history with another answer for one of its acknowledged operations. */
export function withOneOutput<I, O>(history: readonly Operation<I, O>[], choice: number, output: O): Operation<I, O>[] {
  const acknowledged = history.flatMap((operation, position) => (operation.outcome === "ok" ? [position] : []));
  if (acknowledged.length === 0) return [...history];
  const position = acknowledged[choice % acknowledged.length]!;
  return history.with(position, { ...history[position]!, output });
}
