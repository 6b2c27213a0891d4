import { z } from "zod";
import { LIMITS } from "../limits.ts";
import type { ReplyMarks } from "../reply.ts";
import { INSTANCE_MODES } from "../service.ts";
import { ServiceConfigSchema } from "./service.ts";

const encoder = new TextEncoder();
const utf8 = (value: string): number => encoder.encode(value).length;

/** A key: any text without NUL and without halves of surrogate pairs, 1 to `LIMITS.keyBytesMax` bytes of UTF-8. */
export const KeySchema = z
  .string()
  .min(1)
  .refine((key) => key.isWellFormed() && !key.includes("\u0000") && utf8(key) <= LIMITS.keyBytesMax, {
    error: `1 to ${LIMITS.keyBytesMax} bytes of well-formed text without NUL`,
  });

/** A value: any well-formed text up to `LIMITS.valueBytesMax` bytes of UTF-8; it may be empty. */
export const ValueSchema = z.string().refine((value) => value.isWellFormed() && utf8(value) <= LIMITS.valueBytesMax, {
  error: `well-formed text of at most ${LIMITS.valueBytesMax} bytes`,
});

/** Body of `DELETE /kv`. */
export const KvDeleteSchema = z.array(KeySchema).min(1).max(LIMITS.keysPerWriteMax);

/** Query of `GET /kv`. */
export const KvQuerySchema = z.strictObject({
  k: z.string().optional().describe("The key to read."),
  prefix: z.string().optional().describe("Only keys that begin so."),
  limit: z
    .string()
    .refine((text) => /^\d{1,9}$/.test(text) && Number(text) >= 1 && Number(text) <= LIMITS.pageKeysMax, {
      error: `a whole number from 1 to ${LIMITS.pageKeysMax}`,
    })
    .transform(Number)
    .optional()
    .describe("Keys in one page."),
  after: z.string().optional().describe("Only keys behind this one: the last key of the page before."),
  meta: z.enum(["0", "1"]).optional().describe("1: with createIndex, modifyIndex and version."),
  consistency: z.enum(["linearizable", "local"]).default("linearizable"),
});

/** Nodes in a list of what may be services. */
function nodeCount(services: readonly unknown[]): number {
  const nodes = services.map((service) => (service as { node?: unknown } | null)?.node);
  return nodes.reduce<number>((count, node) => count + (Array.isArray(node) ? node.length : 0), 0);
}

/** Services of a request. Counted before they are looked into: judging each of many thousand nodes takes seconds. */
const DefinitionsSchema = z
  .array(z.unknown())
  .min(1)
  .max(LIMITS.servicesPerWriteMax)
  .refine((services) => nodeCount(services) <= LIMITS.serviceNodesPerWriteMax, {
    error: `at most ${LIMITS.serviceNodesPerWriteMax} nodes in all services together`,
  })
  .pipe(z.array(ServiceConfigSchema));

/** Body of `POST /service`. Each is the whole of its service: one that comes again would undo the first without a word. */
export const ServicesSchema = DefinitionsSchema.superRefine((services, context) => {
  const names = new Set<string>();
  services.forEach(({ name }, position) => {
    const message = "a name that comes once: all instances of a service stand in one definition";
    if (names.has(name)) context.addIssue({ code: "custom", path: [position, "name"], message });
    names.add(name);
  });
});

/** Whether an instance says by itself which one it is, and not only by its place in a list. */
function isNamed(instance: unknown): boolean {
  // What is no instance at all is told as such.
  if (typeof instance !== "object" || instance === null || Array.isArray(instance)) return true;
  const { id, host, url } = instance as { id?: unknown; host?: unknown; url?: unknown };
  return [id, host, url].some((one) => one !== undefined && one !== "");
}

/** Body of `POST /service/instance`: as above, of instances that have a name beside the others. */
export const InstancesSchema = z
  .array(z.unknown())
  .superRefine((services, context) => {
    services.forEach((service, position) => {
      const { node } = (service ?? {}) as { node?: unknown };
      if (!Array.isArray(node)) return;
      const at = node.findIndex((instance) => !isNamed(instance));
      if (at < 0) return;
      const message = "needed for an instance without host and url that is registered alone";
      context.addIssue({ code: "custom", path: [position, "node", at, "id"], message });
    });
  })
  .pipe(DefinitionsSchema);

const serviceName = z
  .string()
  .min(1)
  .max(LIMITS.nameCharsMax)
  .refine((name) => name.isWellFormed(), { error: "well-formed text" });
const instanceId = z
  .string()
  .min(1)
  .max(LIMITS.instanceIdCharsMax)
  .refine((id) => id.isWellFormed(), { error: "well-formed text" });

/** Body of `DELETE /service/instance`. */
export const InstanceNamesSchema = z
  .array(z.strictObject({ name: serviceName.describe("Name of the service."), id: instanceId }))
  .min(1)
  .max(LIMITS.serviceNodesMax);

/** Body of `POST /service/mode`. */
export const ModeChangesSchema = z
  .array(
    z.strictObject({
      name: serviceName.describe("Name of the service."),
      id: instanceId,
      mode: z
        .enum(INSTANCE_MODES, { error: INSTANCE_MODES.join(", ") })
        .describe("draining or maintenance: never chosen; active: as its checks say."),
    }),
  )
  .min(1)
  .max(LIMITS.serviceNodesMax);

/** Query of `POST /service/mode`. */
export const WaitQuerySchema = z.strictObject({
  wait: z
    .string()
    .refine((text) => /^\d{1,9}$/.test(text) && Number(text) <= LIMITS.watcherWaitMsMax, {
      error: `milliseconds from 0 to ${LIMITS.watcherWaitMsMax}`,
    })
    .transform(Number)
    .default(0)
    .describe("Milliseconds to wait until every connected watcher was sent the change."),
});

/** Query of `GET /service/checks`. */
export const ChecksQuerySchema = z.strictObject({ name: z.string({ error: "needed: the name of a service" }).min(1) });

/** Body of `POST /service/report`: what applications say of themselves, as instances of services of type `ttl`. */
export const ServiceReportsSchema = z
  .array(
    z.strictObject({
      name: serviceName.describe("Name of the service."),
      id: instanceId.optional().describe("Id of the instance; host and port name it as well."),
      host: z.string().min(1).max(255).optional().describe("Host of the instance, as it was registered."),
      port: z
        .union([z.string().max(5), z.int()], { error: "the port of the instance, as it was registered" })
        .transform((port) => String(port).trim())
        .optional(),
      status: z
        .union([z.literal(0), z.literal(1), z.literal("0"), z.literal("1")], { error: "0 or 1" })
        .transform((status) => Number(status) as 0 | 1)
        .default(1)
        .describe("1 alive, 0 dead."),
    }),
  )
  .min(1)
  .max(LIMITS.servicesPerWriteMax);
export type ServiceReport = z.output<typeof ServiceReportsSchema>[number];

/** Body of `DELETE /service`. */
export const ServiceNamesSchema = z.array(serviceName).min(1).max(LIMITS.servicesPerWriteMax);

/** Body of `POST /node` and `DELETE /node`. */
export const NamesSchema = z.array(z.string().min(1).max(255)).min(1).max(1_000);

/** Body of `POST /cluster/transfer`, which may also have none. */
export const TransferSchema = z
  .strictObject({ to: z.string().min(1).max(255).nullish().describe("Id of the voter that should lead.") })
  .nullish();

/** Query of `GET /service`. Local unless told otherwise, but for Prometheus: it must never get a list with gaps. */
export const ServiceQuerySchema = z
  .strictObject({
    name: z.string().optional(),
    consistency: z.enum(["linearizable", "local"]).optional(),
    format: z
      .enum(["prometheus-sd"], { error: "prometheus-sd, or no format for the usual reply" })
      .optional()
      .describe("prometheus-sd: as the HTTP service discovery of Prometheus reads it."),
  })
  .superRefine(({ format, consistency }, context) => {
    if (format === undefined || consistency !== "local") return;
    const message = `linearizable with format=${format}: Prometheus would drop the targets that an old list lacks`;
    context.addIssue({ code: "custom", path: ["consistency"], message });
  })
  .transform(({ consistency, format, ...rest }) => {
    const usual = format === undefined ? "local" : "linearizable";
    return { ...rest, format, consistency: consistency ?? usual } as const;
  });

/** Ways to choose one of many; what each does is told at `createBalancer` of `@dister/balance`. */
export const BalancePolicySchema = z.enum(["priority", "round-robin", "hash", "latency", "first"]);
export type BalancePolicy = z.infer<typeof BalancePolicySchema>;

const TAG_ORDER_CHARS_MAX = 1_024;

/** Query of `GET /balance`. */
export const BalanceQuerySchema = z
  .strictObject({
    name: z.string({ error: "needed: the name of a service" }).min(1),
    policy: BalancePolicySchema.default("priority"),
    key: z
      .string()
      .refine((key) => key !== "" && key.length <= LIMITS.keyBytesMax, {
        error: `a text of 1 to ${LIMITS.keyBytesMax} characters`,
      })
      .optional()
      .describe("With policy hash: equal keys get the same node."),
    count: z
      .string()
      .refine((text) => /^\d{1,9}$/.test(text) && Number(text) >= 1 && Number(text) <= LIMITS.balanceCountMax, {
        error: `a whole number from 1 to ${LIMITS.balanceCountMax}`,
      })
      .transform(Number)
      .optional()
      .describe("So many different nodes, as a list."),
    tags: z
      .string()
      .refine((tags) => tags !== "" && tags.length <= TAG_ORDER_CHARS_MAX, {
        error: `tags by commas, 1 to ${TAG_ORDER_CHARS_MAX} characters`,
      })
      .transform((tags) => tags.split(","))
      .optional()
      .describe("With policy first: tags by commas; who has the first of them comes first."),
    explain: z.enum(["0", "1"]).optional().describe("1: with every candidate and the reasons."),
  })
  .superRefine(({ policy, key, tags }, context) => {
    if (policy !== "first" && tags !== undefined) {
      const message = `nothing with policy=${policy}: only policy=first chooses by tags`;
      context.addIssue({ code: "custom", path: ["tags"], message });
    }
    if (policy === "hash" && key === undefined) {
      const message = "needed with policy=hash: a text, equal texts get the same node";
      context.addIssue({ code: "custom", path: ["key"], message });
    }
    if (policy !== "hash" && key !== undefined) {
      const message = `nothing with policy=${policy}: only policy=hash chooses by a key`;
      context.addIssue({ code: "custom", path: ["key"], message });
    }
  });

/** A client's own id for a request, in the header `x-request-id`. */
export const RequestIdSchema = z
  .string()
  .min(1)
  .max(LIMITS.requestIdCharsMax)
  .regex(/^[\x21-\x7e]+$/, { error: "visible ASCII characters" });

/** Every reply of the HTTP API. */
export interface ApiReply<T = unknown> extends ReplyMarks {
  /** 1: done; 0: not done, `message` says why. */
  readonly result: 0 | 1;
  readonly message: string;
  readonly data: T;
  /** Only when `result` is 0: the code of the error catalogue. */
  readonly code?: string;
}
