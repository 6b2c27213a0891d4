/** Choosing one of many. Pure: no clock, no I/O; time and randomness come in from outside. */
export {
  type Balancer,
  type BalancerComponents,
  type BalancerOptions,
  createBalancer,
  POLICIES,
  type Policy,
} from "./balancer.ts";
export { type Absence, type Candidate, WEIGHT_MAX } from "./candidate.ts";
export type { CandidateReport, Explanation, LeftOut } from "./explanation.ts";
export { LATENCY_FLOOR_MS, LATENCY_SHARE_MIN } from "./latency-share.ts";
export { BOUND_FACTOR, type LoadBound } from "./policies/bounded-hash.ts";
export { choosePriority, PriorityPicker } from "./priority.ts";
export { rankByKey } from "./rendezvous.ts";
export { SLOW_START_FLOOR, type SlowStart } from "./slow-start.ts";
export { SmoothRoundRobin } from "./smooth-round-robin.ts";
