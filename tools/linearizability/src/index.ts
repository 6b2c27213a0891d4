export {
  type AppendAttempt,
  type AppendProblemKind,
  checkAppend,
  type ListRead,
} from "./append-check.ts";
export { type CheckOptions, checkLinearizable, STEPS_MAX, type Verdict } from "./linearizability.ts";
export type { Evidence, Model } from "./model.ts";
export { checkMonotonic, type PositionSeen } from "./monotonic-check.ts";
export { type MultiKeyInput, type MultiKeyOutput, type MultiKeyState, multiKeyModel } from "./multi-key-model.ts";
export type { Operation, Outcome } from "./operation.ts";
export type { Problem } from "./problem.ts";
export { type RegisterInput, type RegisterOutput, type RegisterState, registerModel } from "./register-model.ts";
export { checkSet, type SetAdd, type SetFinalRead, type SetProblemKind } from "./set-check.ts";
export type { Violation } from "./violation.ts";
