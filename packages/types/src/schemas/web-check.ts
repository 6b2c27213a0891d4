import { z } from "zod";
import { REDACTED } from "../redacted.ts";
import { CHECK_HEADERS_MAX, parseCheckHeaders, parseExpectedStatus } from "../web-check.ts";

/** Fields of a service's node that only a `web` check reads. */
export const WEB_CHECK_FIELDS = {
  method: z
    .string()
    .transform((value) => value.toUpperCase())
    .pipe(z.enum(["GET", "HEAD", "OPTIONS"], { error: "GET, HEAD or OPTIONS: a check changes nothing" }))
    .optional()
    .describe("Method of a `web` check; GET without it."),
  headers: z
    .string()
    .max(4_096)
    .refine((value) => value === REDACTED || parseCheckHeaders(value) !== undefined, {
      error: `at most ${CHECK_HEADERS_MAX} lines 'name: value', none of the connection's own headers`,
    })
    .optional()
    .describe("Headers of a `web` check, one in a line; never shown. `******` keeps those that are stored."),
  expect: z
    .string()
    .max(100)
    .refine((value) => parseExpectedStatus(value) !== undefined, {
      error: "statuses and ranges of them, separated by commas, for example 200 or 200-299,401",
    })
    .optional()
    .describe("Statuses that a `web` check takes for alive; 200 without it."),
  contains: z.string().min(1).max(1_024).optional().describe("Text that the body of a `web` check has to hold."),
  equals: z.string().max(1_024).optional().describe("Text that the body of a `web` check has to be."),
};
