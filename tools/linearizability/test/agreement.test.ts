import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkLinearizable, type Model, multiKeyModel, type Operation, registerModel } from "../src/index.ts";
import { PartitionSearch } from "../src/partition-search.ts";
import { timelineOf } from "../src/timeline.ts";
import {
  arbitraryHistory,
  bare,
  executedHistory,
  letterInput,
  letterModel,
  letterOutput,
  multiKeyInput,
  multiKeyOutput,
  registerInput,
  registerOutput,
  type Subject,
  withOneOutput,
} from "./generators.ts";
import { naivelyLinearizable } from "./naive.ts";

const register = { model: registerModel, input: registerInput, output: registerOutput };
const multiKey = { model: multiKeyModel, input: multiKeyInput, output: multiKeyOutput };
const letters = { model: letterModel, input: letterInput, output: letterOutput };

function verdictOf<S, I, O>(model: Model<S, I, O>, history: readonly Operation<I, O>[]): string {
  return checkLinearizable(model, history).verdict;
}

/** With chunks of a few events, none of which is sealed, so that the search has to go back and forth. */
function verdictInPieces<S, I, O>(
  model: Model<S, I, O>,
  history: readonly Operation<I, O>[],
  sealStepsMax: number,
): string {
  const chunks = { eventsMin: 1, eventsMax: 3 };
  const budget = { stepsLeft: 1_000_000 };
  return new PartitionSearch(model, timelineOf(model, history), { budget, sealStepsMax, chunks }).run().verdict;
}

function expectAgreement<S, I, O>(model: Model<S, I, O>, history: readonly Operation<I, O>[]): void {
  const expected = naivelyLinearizable(model, history) ? "linearizable" : "violation";
  const plain = bare(model);
  expect({
    withEvidence: verdictOf(model, history),
    bare: verdictOf(plain, history),
    inPieces: verdictInPieces(model, history, 0),
    inSealedPieces: verdictInPieces(model, history, 1_000),
    bareInPieces: verdictInPieces(plain, history, 2),
  }).toEqual({
    withEvidence: expected,
    bare: expected,
    inPieces: expected,
    inSealedPieces: expected,
    bareInPieces: expected,
  });
}

function agreesOnAnything<S, I, O>(subject: Subject<S, I, O>): void {
  const property = fc.property(arbitraryHistory(subject, 6), (history) => expectAgreement(subject.model, history));
  fc.assert(property, { numRuns: 4_000 });
}

function agreesOnSpoiled<S, I, O>(subject: Subject<S, I, O>, execute: (state: S, input: I) => O): void {
  const history = executedHistory(subject, { clients: 3, length: { maxLength: 6 } }, execute);
  const property = fc.property(history, fc.nat(5), subject.output, (good, choice, output) =>
    expectAgreement(subject.model, withOneOutput(good, choice, output)),
  );
  fc.assert(property, { numRuns: 2_000 });
}

function acceptsExecuted<S, I, O>(
  subject: Subject<S, I, O>,
  { clients, maxLength }: { clients: number; maxLength: number },
  execute: (state: S, input: I) => O,
): void {
  const history = executedHistory(subject, { clients, length: { maxLength, size: "max" } }, execute);
  const property = fc.property(history, (good) => {
    expect(verdictOf(subject.model, good)).toBe("linearizable");
  });
  fc.assert(property, { numRuns: 200 });
}

describe("the search agrees with the definition on histories of six operations", () => {
  test("of a register, whatever they are", () => agreesOnAnything(register));
  test("of several keys, whatever they are", () => agreesOnAnything(multiKey));
  test("of a list, whatever they are", () => agreesOnAnything(letters));
  test("of a register, executed and then spoiled", () => agreesOnSpoiled(register, (state) => state ?? null));
  test("of several keys, executed and then spoiled", () => agreesOnSpoiled(multiKey, Object.fromEntries));
  test("of a list, executed and then spoiled", () => agreesOnSpoiled(letters, (state) => state));
});

describe("a history that was really executed is accepted", () => {
  test("on a register", () => acceptsExecuted(register, { clients: 6, maxLength: 300 }, (state) => state ?? null));
  test("on several keys", () => acceptsExecuted(multiKey, { clients: 4, maxLength: 40 }, Object.fromEntries));
  // Without evidence every operation of unknown outcome stays open for ever, so the history has to be short.
  test("on a list", () => acceptsExecuted(letters, { clients: 3, maxLength: 16 }, (state) => state));
});
