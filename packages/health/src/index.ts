/** Probing and deciding. Usable without a cluster. */
export { allowAddress, type NameLookup } from "./address-guard.ts";
export {
  CheckScheduler,
  type CheckSchedulerComponents,
  type Prober,
} from "./check-scheduler.ts";
export type { CheckReport, CheckTarget, LateCheck, StatusDecision } from "./check-target.ts";
export { type CustomChecks, type CustomProbeOptions, customProbe, SCRIPT_OUTPUT_CHARS_MAX } from "./custom-probe.ts";
export type { DatabaseProbeOptions } from "./database-probe.ts";
export { type HostOptions, TARGET_BYTES_MAX } from "./driver-socket.ts";
export { type GrpcProbeOptions, grpcProbe } from "./grpc-probe.ts";
export { mysqlProbe } from "./mysql-probe.ts";
export { pgsqlProbe } from "./pgsql-probe.ts";
export { OUTPUT_CHARS_MAX, type Probe, type ProbeComponents, type ProbeOptions, type ProbeResult } from "./probe.ts";
export { type ProbedType, type ProbeSettings, probeFor } from "./probe-for.ts";
export { type RedisProbeOptions, redisProbe } from "./redis-probe.ts";
export { RiseFall, type RiseFallOptions } from "./rise-fall.ts";
export type { CheckSchedulerOptions } from "./scheduler-options.ts";
export { sharedLookup } from "./shared-lookup.ts";
export { type TcpProbeOptions, tcpProbe } from "./tcp-probe.ts";
export { type TtlQuestion, TtlReports } from "./ttl-reports.ts";
export { ANSWER_BYTES_MAX, BODY_BYTES_MAX, type WebProbeOptions, webProbe } from "./web-probe.ts";
