/** Choosing one of many. Pure: no clock, no I/O; randomness comes in from outside. */
export { type Candidate, WEIGHT_MAX } from "./candidate.ts";
export { choosePriority, PriorityPicker } from "./priority.ts";
export { rankByKey } from "./rendezvous.ts";
export { SmoothRoundRobin } from "./smooth-round-robin.ts";
