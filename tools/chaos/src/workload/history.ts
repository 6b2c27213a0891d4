import { checkLinearizable, type Model, type Operation } from "@dister/linearizability";
import type { Answer } from "../api.ts";

/** What clients saw of one kind of object. */
export class History<S, I, O> {
  readonly operations: Operation<I, O>[] = [];
  readonly #model: Model<S, I, O>;

  constructor(model: Model<S, I, O>) {
    this.#model = model;
  }

  /** Writes enter whatever came of them: what nobody answered may be done at any time. */
  wrote(input: I, answer: Answer): void {
    this.operations.push({ ...this.#when(answer), input, outcome: answer.outcome });
  }

  /** A read that was answered; one that was not says nothing and is left out. */
  read(input: I, answer: Answer, output: O): void {
    this.operations.push({ ...this.#when(answer), input, outcome: "ok", output });
  }

  violations(): string[] {
    const verdict = checkLinearizable(this.#model, this.operations);
    if (verdict.verdict === "linearizable") return [];
    return [
      verdict.verdict === "violation" ? `not linearizable: ${verdict.explain()}` : `undecided: ${verdict.reason}`,
    ];
  }

  /** Each operation is a client of its own: any number of them overlap. */
  #when({ startMs, endMs }: Answer): { client: number; invokedAt: number; completedAt: number } {
    return { client: this.operations.length, invokedAt: startMs, completedAt: endMs };
  }
}
