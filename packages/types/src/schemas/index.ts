/** Schemas: declared once for validation, types and documentation. Importing this loads zod; the main entry does not. */
export {
  type ApiReply,
  type BalancePolicy,
  BalancePolicySchema,
  BalanceQuerySchema,
  ChecksQuerySchema,
  InstanceNamesSchema,
  InstancesSchema,
  KeySchema,
  KvDeleteSchema,
  KvQuerySchema,
  ModeChangesSchema,
  NamesSchema,
  RequestIdSchema,
  ServiceNamesSchema,
  ServiceQuerySchema,
  type ServiceReport,
  ServiceReportsSchema,
  ServicesSchema,
  TransferSchema,
  ValueSchema,
  WaitQuerySchema,
} from "./api.ts";
export { type BackupHead, BackupHeadSchema, SnapshotQuerySchema } from "./backup.ts";
export { CONFIG_DEFAULTS, type Config, ConfigSchema } from "./config.ts";
export { firstProblem, parseOrThrow, parseServices } from "./problem.ts";
export { ServiceConfigSchema, ServiceNodeSchema, ServiceTypeSchema } from "./service.ts";
