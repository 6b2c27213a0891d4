/** Probing and deciding. Usable without a cluster. */
export { allowAddress, type NameLookup } from "./address-guard.ts";
export {
  CheckScheduler,
  type CheckSchedulerComponents,
  type CheckSchedulerOptions,
  type Prober,
} from "./check-scheduler.ts";
export type { CheckTarget, StatusDecision } from "./check-target.ts";
export { OUTPUT_CHARS_MAX, type Probe, type ProbeComponents, type ProbeOptions, type ProbeResult } from "./probe.ts";
export { probeFor } from "./probe-for.ts";
export { RiseFall, type RiseFallOptions } from "./rise-fall.ts";
export { type TcpProbeOptions, tcpProbe } from "./tcp-probe.ts";
export { BODY_BYTES_MAX, type WebProbeOptions, webProbe } from "./web-probe.ts";
