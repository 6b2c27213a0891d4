import { z } from "zod";
import { LIMITS } from "../limits.ts";
import { REDACTED } from "../redacted.ts";
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

const hostName = text(255).regex(/^[^\s/?#@\\]+$/, { error: "a host name or address" });

/** What a reply shows in place of a password must not become the password when a definition is written back. */
const password = text(1_024).refine((value) => value !== REDACTED, {
  error: `the password itself; ${REDACTED} only stands for one that is not shown`,
});

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
      const { protocol, username, password } = new URL(value);
      return (protocol === "http:" || protocol === "https:") && username === "" && password === "";
    },
    { error: "an http or https address without user and password" },
  );

/** One node of a service. Every number is kept as a string, as in the original. */
export const ServiceNodeSchema = z
  .strictObject({
    host: hostName.optional().describe("Host name or address."),
    port: numeric("a port", 1, 65_535).optional().describe("TCP port."),
    user: text(255).optional().describe("User of a check that logs in."),
    pass: password.optional().describe("Password of a check that logs in; never shown."),
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
    status: z
      .union([z.literal(0), z.literal(1), z.literal("0"), z.literal("1")], { error: "0 or 1" })
      .transform((value) => Number(value) as 0 | 1)
      .default(0)
      .describe("1 alive, 0 dead or not checked yet; set by the checks, ignored in a registration."),
  })
  .describe("One node of a service");
export type ServiceNode = z.infer<typeof ServiceNodeSchema>;

/** A service as it is registered: `{name, type, node: [{…}]}`, the form of the original. */
export const ServiceConfigSchema = z
  .strictObject({
    name: text(LIMITS.nameCharsMax).regex(/^[\w.:-]+$/, { error: "letters, digits and _ . : -" }),
    type: z
      .string()
      .transform((value) => value.toLowerCase())
      .pipe(ServiceTypeSchema),
    node: z.array(ServiceNodeSchema).min(1).max(LIMITS.serviceNodesMax),
  })
  .superRefine((service, context) => {
    service.node.forEach((node, position) => {
      for (const field of NEEDED[service.type]) {
        if (node[field] !== undefined && node[field] !== "") continue;
        context.addIssue({
          code: "custom",
          path: ["node", position, field],
          message: `needed for a service of type ${service.type}`,
        });
      }
    });
  });
export type ServiceConfig = z.infer<typeof ServiceConfigSchema>;
