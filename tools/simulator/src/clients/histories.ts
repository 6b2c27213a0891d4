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
  /** Writes of the first two, with the request ids under which they were sent. */
  readonly #sent: { readonly requestId: string; readonly again: () => void }[] = [];

  registerWritten(operation: Operation<RegisterInput, RegisterOutput>, requestId: string): void {
    this.register.push(operation);
    this.#sent.push({ requestId, again: () => this.register.push({ ...operation, outcome: "unknown" }) });
  }

  multiKeyWritten(operation: Operation<MultiKeyInput, MultiKeyOutput>, requestId: string): void {
    this.multiKey.push(operation);
    this.#sent.push({ requestId, again: () => this.multiKey.push({ ...operation, outcome: "unknown" }) });
  }

  get operations(): number {
    return this.register.length + this.multiKey.length + this.adds.length + this.appends.length + this.lists.length;
  }

  /**
   * @param forgotten - request ids that were repeated when the state had forgotten them, and took effect once more: such a
   *   write counts as two, of which the second came at any time, and the list that it wrote is not looked at.
   * @throws Violation when no order of the operations explains what the clients saw.
   */
  check(forgotten: ReadonlySet<string>): void {
    for (const { requestId, again } of this.#sent) if (forgotten.has(requestId)) again();
    const spoilt = new Set(this.appends.filter(({ requestId }) => forgotten.has(requestId)).map(({ list }) => list));
    const isSound = ({ list }: { readonly list: string }): boolean => !spoilt.has(list);
    this.#linearizable(checkLinearizable(registerModel, this.register, { stepsMax: 2_000_000 }));
    this.#linearizable(checkLinearizable(multiKeyModel, this.multiKey, { stepsMax: 2_000_000 }));
    const problems = [
      ...checkSet(this.adds, this.finalSets),
      ...checkAppend(this.appends.filter(isSound), this.lists.filter(isSound)),
    ];
    const [first] = problems;
    if (first !== undefined) throw new Violation("13-histories", `${first.kind}: ${first.message}`);
  }

  #linearizable(verdict: { verdict: string; reason?: string; explain?: () => string }): void {
    if (verdict.verdict === "linearizable") return;
    throw new Violation("13-histories", verdict.explain?.() ?? `undecided: ${verdict.reason}`);
  }
}
