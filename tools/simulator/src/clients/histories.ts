import {
  type AppendAttempt,
  checkAppend,
  checkLinearizable,
  checkSet,
  type ListRead,
  type MultiKeyInput,
  type MultiKeyOutput,
  multiKeyModel,
  type Operation,
  type RegisterInput,
  type RegisterOutput,
  registerModel,
  type SetAdd,
  type SetFinalRead,
} from "@dister/linearizability";
import { Violation } from "../world/violation.ts";

/** Everything that the clients of a run did and saw. */
export class Histories {
  readonly register: Operation<RegisterInput, RegisterOutput>[] = [];
  readonly multiKey: Operation<MultiKeyInput, MultiKeyOutput>[] = [];
  readonly adds: SetAdd[] = [];
  readonly finalSets: SetFinalRead[] = [];
  readonly appends: AppendAttempt[] = [];
  readonly lists: ListRead[] = [];

  get operations(): number {
    return this.register.length + this.multiKey.length + this.adds.length + this.appends.length + this.lists.length;
  }

  /** @throws Violation when no order of the operations explains what the clients saw. */
  check(): void {
    this.#linearizable(checkLinearizable(registerModel, this.register, { stepsMax: 2_000_000 }));
    this.#linearizable(checkLinearizable(multiKeyModel, this.multiKey, { stepsMax: 2_000_000 }));
    const problems = [...checkSet(this.adds, this.finalSets), ...checkAppend(this.appends, this.lists)];
    const [first] = problems;
    if (first !== undefined) throw new Violation("13-histories", `${first.kind}: ${first.message}`);
  }

  #linearizable(verdict: { verdict: string; reason?: string; explain?: () => string }): void {
    if (verdict.verdict === "linearizable") return;
    throw new Violation("13-histories", verdict.explain?.() ?? `undecided: ${verdict.reason}`);
  }
}
