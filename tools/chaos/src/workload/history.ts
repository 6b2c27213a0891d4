import {
  checkLinearizable,
  type Operation,
  type RegisterInput,
  type RegisterOutput,
  registerModel,
} from "@dister/linearizability";
import type { Answer } from "../api.ts";
import { isAbsent } from "./workload.ts";

type RegisterOperation = Operation<RegisterInput, RegisterOutput>;

/** What clients saw of registers: of single keys, or of groups of keys that are written and read as one. */
export class RegisterHistory {
  readonly operations: RegisterOperation[] = [];
  #clients = 0;

  /** Writes enter whatever came of them; what nobody answered may be done at any time. */
  wrote(input: RegisterInput, answer: Answer): void {
    this.#add(input, answer, undefined);
  }

  /** Reads without an answer say nothing and are left out. */
  read(key: string, answer: Answer, value: string | null): void {
    if (answer.outcome === "ok" || isAbsent(answer)) this.#add({ kind: "get", key }, answer, value);
  }

  #add(input: RegisterInput, answer: Answer, output: RegisterOutput | undefined): void {
    this.operations.push({
      // Each operation is a client of its own: any number of them overlap.
      client: this.#clients++,
      input,
      invokedAt: answer.startMs,
      completedAt: answer.endMs,
      outcome: input.kind === "get" ? "ok" : answer.outcome,
      ...(output === undefined ? {} : { output }),
    });
  }

  violations(): string[] {
    const verdict = checkLinearizable(registerModel, this.operations);
    if (verdict.verdict === "linearizable") return [];
    return [
      verdict.verdict === "violation" ? `not linearizable: ${verdict.explain()}` : `undecided: ${verdict.reason}`,
    ];
  }
}
