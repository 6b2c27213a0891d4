export { type CheckOptions, checkLinearizable, STEPS_MAX, type Verdict } from "./linearizability.ts";
export type { Deadline, Model } from "./model.ts";
export type { Operation, Outcome } from "./operation.ts";
export { type RegisterInput, type RegisterOutput, type RegisterState, registerModel } from "./register-model.ts";
export type { Violation } from "./violation.ts";
