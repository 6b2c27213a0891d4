/** Time and randomness of the running process; the only place that touches the real ones. */
export { systemClock } from "./system-clock.ts";
export { systemRng } from "./system-rng.ts";
