import { describe, expect, it } from "vitest";
import { z } from "zod";
import { isDisterError } from "../errors.ts";
import { InstancesSchema, ServicesSchema } from "./api.ts";
import { ConfigSchema } from "./config.ts";
import { firstProblem, type Problem, parseOrThrow, parseServices } from "./problem.ts";

function problemOf(schema: z.ZodType, input: unknown): Problem {
  const read = schema.safeParse(input);
  if (read.success) throw new Error("nothing is wrong");
  return firstProblem(read.error, input, "body");
}

function messageOf(schema: z.ZodType, services: unknown): string {
  try {
    parseServices(schema, services);
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error("nothing is wrong");
}

/** A value inside as many lists as are asked for, made without recursion. */
function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < depth; level++) value = [value];
  return value;
}

describe("the first problem of an input", () => {
  it.each<[string, z.ZodType, unknown, Problem]>([
    ["the whole", z.string(), 5, { field: "body", got: "5", allowed: "string" }],
    [
      "a field",
      z.object({ a: z.object({ b: z.number() }) }),
      { a: { b: "x" } },
      { field: "a.b", got: '"x"', allowed: "number" },
    ],
    [
      "a field of a list",
      z.array(z.object({ b: z.number() })),
      [{ b: 1 }, {}],
      { field: "1.b", got: "nothing", allowed: "number" },
    ],
    ["null", z.string(), null, { field: "body", got: "null", allowed: "string" }],
    ["a list", z.string(), [1, 2], { field: "body", got: "a list of 2", allowed: "string" }],
    ["an object", z.string(), { a: 1 }, { field: "body", got: "an object", allowed: "string" }],
    [
      "an unknown field",
      z.strictObject({ a: z.string().optional() }),
      { b: "x" },
      { field: "b", got: '"x"', allowed: "no field of this name" },
    ],
    [
      "a number that JSON does not have",
      z.number(),
      Number.POSITIVE_INFINITY,
      { field: "body", got: "Infinity", allowed: "number" },
    ],
    [
      "text that is too long",
      z.string().max(3),
      "a".repeat(500),
      { field: "body", got: `"${"a".repeat(76)}...`, allowed: "string to have <=3 characters" },
    ],
    [
      "a name that is none",
      z.record(z.string().regex(/^a/, { error: "a name with an a" }), z.string()),
      { b: "x" },
      { field: "b", got: '"b"', allowed: "a name with an a" },
    ],
    [
      "a list in the place of names and texts",
      z.record(z.string(), z.string()),
      [],
      { field: "body", got: "a list of 0", allowed: "object" },
    ],
    ["control characters", z.number(), "a\u0000\n", { field: "body", got: '"a\\u0000\\n"', allowed: "number" }],
  ])("names %s, what came and what is allowed", (_name, schema, input, problem) => {
    expect(problemOf(schema, input)).toEqual(problem);
  });

  it("is an error that names all three", () => {
    try {
      parseOrThrow(z.strictObject({ port: z.number() }), { port: "x" }, "query");
      expect.unreachable();
    } catch (error) {
      expect(isDisterError(error, "DISTER_ERR_INVALID")).toBe(true);
      expect((error as Error).message).toBe('port: got "x", allowed is number');
    }
  });

  it("is found in a value of 100,000 levels without falling over it (X3)", () => {
    const deep = nested(100_000);
    expect(problemOf(z.string(), deep)).toEqual({ field: "body", got: "a list of 1", allowed: "string" });
    expect(problemOf(ServicesSchema, [deep])).toMatchObject({ field: "0", got: "a list of 1" });
    expect(problemOf(ServicesSchema, [{ name: deep, type: "tcp", node: [] }])).toMatchObject({ field: "0.name" });
  });

  it("stays short whatever came: a text, a list or a field's name of megabytes (X3)", () => {
    const huge = "x".repeat(4_000_000);
    const problems = [
      problemOf(z.number(), huge),
      problemOf(
        z.string(),
        Array.from({ length: 1_000_000 }, () => 1),
      ),
      problemOf(z.strictObject({}), { [huge]: 1 }),
    ];
    for (const problem of problems) expect(JSON.stringify(problem).length).toBeLessThan(500);
  });

  it.each<[string, z.ZodType, unknown]>([
    ["in its field", ConfigSchema, { Secret: ["hunter2"] }],
    [
      "in the field of a service",
      ServicesSchema,
      [{ name: "a", type: "tcp", node: [{ host: "h", port: 1, pass: { a: "hunter2" } }] }],
    ],
    [
      "under a name that is almost right",
      ServicesSchema,
      [{ name: "a", type: "tcp", node: [{ host: "h", port: 1, password: "hunter2" }] }],
    ],
    ["one level too high", ServicesSchema, [{ name: "a", type: "tcp", node: { pass: "hunter2" } }]],
    ["in an address", ServicesSchema, [{ name: "a", type: "web", node: [{ url: "http://me:hunter2@host/" }] }]],
    [
      "in an address behind a strange password",
      ServicesSchema,
      [{ name: "a", type: "web", node: [{ url: "http://me:hunter2@x?#@host/" }] }],
    ],
    [
      "in an address behind a password with a slash",
      ServicesSchema,
      [{ name: "a", type: "web", node: [{ url: "http://me:hunter2/2@host/" }] }],
    ],
    [
      "in an address without a scheme",
      ServicesSchema,
      [{ name: "a", type: "web", node: [{ url: "me:hunter2@host/" }] }],
    ],
    [
      "in an address behind a password that is longer than what is shown",
      ServicesSchema,
      [{ name: "a", type: "web", node: [{ url: `http://me:hunter2${"x".repeat(500)}@host/` }] }],
    ],
    [
      "before a host",
      ServicesSchema,
      [{ name: "a", type: "mysql", node: [{ host: "root:hunter2@db", port: 1, user: "u" }] }],
    ],
    [
      "under the name that other programs have for it",
      ServicesSchema,
      [{ name: "a", type: "mysql", node: [{ host: "db", port: 1, user: "u", pwd: "hunter2" }] }],
    ],
    [
      "in an address in the wrong field",
      ServicesSchema,
      [{ name: "a", type: "tcp", node: [{ host: "http://me:hunter2@host/", port: 1 }] }],
    ],
  ])("never repeats a secret %s (X11)", (_name, schema, input) => {
    expect(JSON.stringify(problemOf(schema, input))).not.toContain("hunter2");
    expect(messageOf(schema, input)).not.toContain("hunter2");
  });
});

describe("a problem of a service", () => {
  it.each<[string, object, string]>([
    ["its id", { id: "i", url: "http://h/" }, '"i"'],
    ["its host and port", { host: "h", port: 81, url: "http://g/" }, '"h:81"'],
    ["the address that is its id without one", { url: "https://h/" }, '"h:443"'],
    ["an address of IPv6", { url: "http://[::1]:81/" }, '"[::1]:81"'],
  ])("names the instance by %s", (_what, node, name) => {
    expect(messageOf(ServicesSchema, [{ name: "a", type: "web", node: [{ ...node, rise: 0 }] }])).toBe(
      `0.node.0.rise (service "a", instance ${name}): got 0, allowed is a count from 1 to 100`,
    );
  });

  it.each([ServicesSchema, InstancesSchema])("is the instance itself where it is none", (schema) => {
    for (const node of [5, "x", null, []]) {
      expect(messageOf(schema, [{ name: "a", type: "web", node: [node] }])).toMatch(
        /^0\.node\.0 \(service "a"\): got .*, allowed is object$/,
      );
    }
  });
});
