import { z } from "zod";
import { instanceIds } from "../instance-id.ts";
import { LIMITS } from "../limits.ts";
import { WEB_CHECK_FIELDS } from "./web-check.ts";

/** A number, or a string that is one: the original wrote every number as a string, and replies still do. */
const numeric = (what: string, min: number, max: number) =>
  z
    .union([z.string(), z.number()], { error: `${what} from ${min} to ${max}` })
    .transform((value) => String(value).trim())
    .refine((text) => /^\d{1,15}$/.test(text) && Number(text) >= min && Number(text) <= max, {
      error: `${what} from ${min} to ${max}`,
    });

/** Text that every part of the system can carry: no NUL and no half of a surrogate pair. */
const text = (max: number) =>
  z
    .string()
    .max(max)
    .refine((value) => value.isWellFormed() && !value.includes("\u0000"), { error: "well-formed text without NUL" });

/** One colon is that of `host:port`, brackets are those around an address before it: both would be looked up as a name. */
const isHostAlone = (value: string): boolean => !/[[\]]/.test(value) && value.split(":").length !== 2;

const hostName = text(255)
  .regex(/^[^\s/?#@\\\p{Cc}]+$/u, { error: "a host name or address" })
  .refine(isHostAlone, { error: "a host name or address alone: the port in its own field, IPv6 without brackets" });

/** Types of a service: each has a check of its own. */
export const ServiceTypeSchema = z.enum(["tcp", "web", "mysql", "pgsql", "redis", "grpc", "custom", "ttl"]);
export type ServiceType = z.infer<typeof ServiceTypeSchema>;

/** What a check cannot do without. */
const NEEDED = {
  tcp: ["host", "port"],
  web: ["url"],
  mysql: ["host", "port", "user"],
  pgsql: ["host", "port", "user"],
  redis: ["host", "port"],
  grpc: ["host", "port"],
  custom: ["script"],
  ttl: ["host", "ttl"],
} as const satisfies Record<ServiceType, readonly string[]>;

const webUrl = z
  .string()
  .max(2_048)
  .refine(
    (value) => {
      if (!URL.canParse(value)) return false;
      const { protocol, username, password, hostname } = new URL(value);
      if (hostname.length > 255) return false;
      return (protocol === "http:" || protocol === "https:") && username === "" && password === "";
    },
    { error: "an http or https address without user and password, its host of at most 255 characters" },
  );

/** What a name in `meta` has to be. */
const META_NAME = { error: "a name of letters, digits and _ . : / -, beginning with a letter or digit" };

/** Fields of which the original wrote an empty text where it had nothing. */
const MAY_BE_EMPTY = ["host", "port", "url", "script"] as const;

function withoutEmpty(node: unknown, context: z.RefinementCtx): unknown {
  if (typeof node !== "object" || node === null || Array.isArray(node)) return node;
  const { meta } = node as { meta?: unknown };
  // The schema below passes over a field of this name, and what is passed over is lost without a word.
  if (typeof meta === "object" && meta !== null && Object.hasOwn(meta, "__proto__")) {
    context.addIssue({ code: "custom", path: ["meta", "__proto__"], message: META_NAME.error });
  }
  const entries = Object.entries(node).filter(
    ([field, value]) => value !== "" || !MAY_BE_EMPTY.some((one) => one === field),
  );
  return Object.fromEntries(entries);
}

const InstanceFieldsSchema = z
  .strictObject({
    id: z
      .string()
      .max(LIMITS.instanceIdCharsMax)
      .regex(/^[^\s\p{Cc}]+$/u, { error: "a text without spaces and control characters" })
      .refine((value) => value.isWellFormed(), { error: "well-formed text" })
      .optional()
      .describe("Names the instance within its service; its address unless set."),
    tags: z
      .array(text(128).regex(/^[^\s,\p{Cc}]+$/u, { error: "a text without spaces and commas" }))
      .max(LIMITS.instanceTagsMax)
      .transform((tags) => [...new Set(tags)])
      .optional()
      .describe("What it is called by, for a choice `first` and for Prometheus."),
    meta: z
      .record(z.string().regex(/^[A-Za-z0-9][\w.:/-]{0,127}$/, META_NAME), text(1_024))
      .refine((meta) => Object.keys(meta).length <= LIMITS.instanceMetaMax, {
        error: `at most ${LIMITS.instanceMetaMax} names`,
      })
      .optional()
      .describe("Whatever its users want to know of it, by name."),
    host: hostName.optional().describe("Host name or address."),
    port: numeric("a port", 1, 65_535).optional().describe("TCP port."),
    user: text(255).optional().describe("User of a check that logs in."),
    pass: text(1_024)
      .optional()
      .describe("Password of a check that logs in; never shown. `******` keeps the one that is stored."),
    database: text(255).optional().describe("Database of a check that logs in."),
    url: webUrl.optional().describe("Address that a `web` check asks for."),
    ...WEB_CHECK_FIELDS,
    service: text(255).optional().describe("Service that a `grpc` check asks for; the whole server without it."),
    script: text(1_024).optional().describe("Command of a `custom` check."),
    ttl: numeric("milliseconds", LIMITS.checkIntervalMsMin, LIMITS.checkIntervalMsMax)
      .optional()
      .describe("Milliseconds for which a report of a `ttl` node counts."),
    priority: numeric("a weight", 0, 1_000_000).default("100").describe("Weight for balancing; 0 is never chosen."),
    interval: numeric("milliseconds", LIMITS.checkIntervalMsMin, LIMITS.checkIntervalMsMax)
      .default("2000")
      .describe("Milliseconds between two checks."),
    timeout: numeric("milliseconds", 10, 60_000).default("2000").describe("Milliseconds after which a check failed."),
    rise: numeric("a count", 1, 100).default("1").describe("Successes in a row that make a node alive."),
    fall: numeric("a count", 1, 100).default("2").describe("Failures in a row that make a node dead."),
    jitter: numeric("percent of the interval", 0, 50)
      .optional()
      .describe("Percent of the interval by which each check comes later, drawn anew each time; 10 without it."),
    start: z
      .enum(["critical", "passing"], { error: "critical or passing" })
      .optional()
      .describe("What it counts as until its first checks have decided; critical without it."),
    status: z
      .union([z.literal(0), z.literal(1), z.literal("0"), z.literal("1")], { error: "0 or 1" })
      .transform((value) => Number(value) as 0 | 1)
      .default(0)
      .describe("1 to be used, 0 not; set by the checks and by draining, ignored in a registration."),
    state: z
      .unknown()
      .transform(() => undefined)
      .optional()
      .describe("What a reply says of it; ignored in a registration."),
    since: z
      .unknown()
      .transform(() => undefined)
      .optional()
      .describe("Since when; ignored in a registration."),
  })
  .transform(({ state: _state, since: _since, ...node }) => node);

/** One instance of a service. Every number is kept as a string, as in the original. */
export const ServiceNodeSchema = z.preprocess(withoutEmpty, InstanceFieldsSchema).describe("One instance of a service");
export type ServiceNode = z.infer<typeof ServiceNodeSchema>;

/** Mass-failure protection of a service: see docs/guides/health-checks.md. */
const ProtectSchema = z.union(
  [
    z.literal("off"),
    z.strictObject({
      percent: numeric("percent", 1, 99).optional(),
      window: numeric("milliseconds", 1_000, 86_400_000).optional(),
      limit: numeric("milliseconds", 1_000, 2_592_000_000).optional(),
    }),
  ],
  { error: "off, or an object of percent, window and limit" },
);

/** A service as it is registered: `{name, type, node: [{…}]}`, the form of the original. Every instance has an id. */
export const ServiceConfigSchema = z
  .strictObject({
    name: text(LIMITS.nameCharsMax).regex(/^[\w.:-]+$/, { error: "letters, digits and _ . : -" }),
    type: z
      .string()
      .transform((value) => value.toLowerCase())
      .pipe(ServiceTypeSchema),
    protect: ProtectSchema.optional().describe(
      "Mass-failure protection: off, or when it begins (more than `percent`, 50, within `window` ms, 60000) and when it " +
        "ends at the latest (after `limit` ms, 300000, if some are passing).",
    ),
    slowstart: numeric("milliseconds", 0, 3_600_000)
      .optional()
      .describe("Milliseconds in which an instance that recovered gets its whole weight back; at once without it."),
    protection: z
      .unknown()
      .transform(() => undefined)
      .optional()
      .describe("What a reply says of a protection that is on; ignored in a registration."),
    node: z.array(ServiceNodeSchema).min(1).max(LIMITS.serviceNodesMax),
  })
  .superRefine((service, context) => {
    const ids = new Set<string>();
    service.node.forEach((node, position) => {
      for (const field of NEEDED[service.type]) {
        if (node[field] !== undefined && node[field] !== "") continue;
        context.addIssue({
          code: "custom",
          path: ["node", position, field],
          message: `needed for a service of type ${service.type}`,
        });
      }
      if (node.id === undefined) return;
      if (ids.has(node.id)) {
        context.addIssue({ code: "custom", path: ["node", position, "id"], message: "an id that comes once" });
      }
      ids.add(node.id);
    });
  })
  .transform(({ protection: _protection, node, ...service }) => {
    const ids = instanceIds(node);
    return { ...service, node: node.map((one, position) => ({ ...one, id: ids[position]! })) };
  });
export type ServiceConfig = z.infer<typeof ServiceConfigSchema>;
/** An instance of a service as it is registered, with its id. */
export type InstanceConfig = ServiceConfig["node"][number];
