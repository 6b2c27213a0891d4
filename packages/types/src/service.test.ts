import { describe, expect, it } from "vitest";
import { REDACTED } from "./redacted.ts";
import { type ServiceConfig, ServiceConfigSchema } from "./schemas/service.ts";
import {
  INSTANCE_MODES,
  isProtectionOver,
  isServed,
  nodeIdentity,
  protectionOf,
  type Service,
  type ServiceInstance,
  secretAudience,
  showService,
  stateOf,
} from "./service.ts";

const NOW_MS = 1_790_000_000_000;

/** A service as it is after everything has happened to it. */
function stored(config: ServiceConfig, found: Partial<ServiceInstance> = {}): Service {
  const node = config.node.map(
    (instance): ServiceInstance => ({
      ...instance,
      ...{ status: 0, definedIndex: 7, checked: true, sinceMs: NOW_MS, fellMs: NOW_MS, mode: "active", kept: true },
      ...found,
    }),
  );
  return { ...config, node, definedIndex: 7, modifyIndex: 9, protectedMs: NOW_MS };
}

const FULL = ServiceConfigSchema.parse({
  name: "shop",
  type: "web",
  protect: { percent: 60, window: "30000", limit: 100_000 },
  slowstart: 5_000,
  node: [
    {
      id: "one",
      tags: ["blue", "eu"],
      meta: { version: "1.2", "zone/a": "" },
      ...{
        host: "10.0.0.1",
        port: 80,
        url: "http://10.0.0.1/health",
        method: "head",
        expect: "200-299",
        contains: "ok",
      },
      ...{ priority: 5, interval: 1_000, timeout: 500, rise: 2, fall: 3, jitter: 20, start: "passing" },
    },
    { url: "http://h/a" },
    { url: "http://h/b" },
  ],
});

describe("a service in a reply", () => {
  it("is the definition that it shows, when it is registered again, whatever became of it", () => {
    const kinds: Partial<ServiceInstance>[] = [
      {},
      { checked: false, sinceMs: 0, kept: false },
      ...INSTANCE_MODES.map((mode) => ({ mode })),
      { status: 1, kept: false },
    ];
    for (const found of kinds) {
      const reply: unknown = JSON.parse(JSON.stringify(showService(stored(FULL, found))));
      const again = ServiceConfigSchema.parse(reply);
      // The status is that of the reply; a registration does not set it.
      const node = again.node.map((instance) => ({ ...instance, status: 0 }));
      expect({ ...again, node }).toStrictEqual(FULL);
    }
  });

  it("has stars in the place of every secret, which are read again as what they are (X11)", () => {
    const node = [{ url: "http://h/", user: "u", pass: "hunter2", headers: "authorization: Bearer s3cret" }];
    const config = ServiceConfigSchema.parse({ name: "s", type: "web", node });
    const text = JSON.stringify(showService(stored(config)));
    expect(text).not.toMatch(/hunter2|s3cret/);
    const [again] = ServiceConfigSchema.parse(JSON.parse(text)).node;
    expect(again).toMatchObject({ pass: REDACTED, headers: REDACTED, user: "u" });
  });

  it("shows of its instances what they are to their users, and nothing of how that is kept", () => {
    const config = ServiceConfigSchema.parse({ name: "s", type: "tcp", node: [{ host: "h", port: 1 }] });
    const shown = showService(stored(config));
    expect(shown.protection).toEqual({ since: "2026-09-21T14:13:20.000Z", kept: ["h:1"] });
    expect(shown.node[0]).toEqual({
      ...config.node[0],
      status: 1,
      state: "critical",
      since: "2026-09-21T14:13:20.000Z",
    });
    expect(Object.keys(shown).sort()).toEqual(["name", "node", "protection", "type"]);
    const calm = showService({ ...stored(config, { checked: false, sinceMs: 0, kept: false }), protectedMs: 0 });
    expect(calm).toEqual({ ...config, node: [{ ...config.node[0], status: 0, state: "unknown" }] });
  });
});

describe("the state of an instance", () => {
  const [instance] = stored(FULL, { kept: false }).node as [ServiceInstance];

  it.each([
    [{ status: 1, checked: true }, "passing", true],
    [{ status: 0, checked: true }, "critical", false],
    [{ status: 0, checked: true, kept: true }, "critical", true],
    [{ status: 0, checked: false }, "unknown", false],
    [{ status: 1, checked: false }, "unknown", true],
    [{ status: 1, checked: true, mode: "draining" }, "draining", false],
    [{ status: 1, checked: false, mode: "maintenance" }, "maintenance", false],
    [{ status: 0, checked: true, kept: true, mode: "draining" }, "draining", false],
  ] as const)("with %j is %s, and whether it is served: %s", (found, state, served) => {
    expect([stateOf({ ...instance, ...found }), isServed({ ...instance, ...found })]).toEqual([state, served]);
  });
});

describe("what makes an instance the same", () => {
  const [instance] = FULL.node as [ServiceInstance];

  it("is neither how it is named, checked and chosen, nor what became of it, nor the order of its fields", () => {
    const others = { id: "x", tags: ["x"], meta: {}, status: 1 as const, start: "critical" as const, priority: "1" };
    const checks = { interval: "1", timeout: "1", rise: "1", fall: "1", jitter: "1" };
    const found = stored(FULL).node[0]!;
    for (const same of [{ ...instance, ...others, ...checks }, found]) {
      expect(nodeIdentity(same)).toBe(nodeIdentity(instance));
    }
    const backwards = Object.fromEntries(Object.entries(instance).reverse()) as typeof instance;
    expect(nodeIdentity(backwards)).toBe(nodeIdentity(instance));
  });

  it.each([
    "host",
    "port",
    "user",
    "pass",
    "database",
    "url",
    "method",
    "headers",
    "expect",
    "contains",
    "equals",
    "service",
    "script",
    "ttl",
  ])("is its %s", (field) => {
    expect(nodeIdentity({ ...instance, [field]: "another" })).not.toBe(nodeIdentity(instance));
  });

  it("does not confuse values with names, nor stumble over a field named __proto__", () => {
    const odd = (json: string) => nodeIdentity(JSON.parse(json));
    expect(odd(`{"host":"a,port"}`)).not.toBe(odd(`{"host":"a","port":""}`));
    expect(odd(`{"__proto__":"x"}`)).not.toBe(odd("{}"));
  });
});

it("a secret has another audience when the type, host, port, url, user or script differ, and only then (X11)", () => {
  const [instance] = FULL.node as [ServiceInstance];
  const audience = secretAudience("web", instance);
  expect(secretAudience("tcp", instance)).not.toBe(audience);
  for (const field of ["host", "port", "url", "user", "script"]) {
    for (const value of ["another", undefined, ""]) {
      const { [field as "host"]: before, ...other } = instance;
      if (before === value) continue;
      const changed = value === undefined ? other : { ...other, [field]: value };
      expect(secretAudience("web", changed as ServiceInstance), `${field} ${value}`).not.toBe(audience);
    }
  }
  expect(secretAudience("web", { ...instance, pass: "p", headers: "h", database: "d", priority: "1" })).toBe(audience);
});

describe("the protection of a service", () => {
  it.each([
    [undefined, { percent: 50, windowMs: 60_000, limitMs: 300_000 }],
    [{}, { percent: 50, windowMs: 60_000, limitMs: 300_000 }],
    [{ percent: "1" }, { percent: 1, windowMs: 60_000, limitMs: 300_000 }],
    [
      { window: "1000", limit: "2000" },
      { percent: 50, windowMs: 1_000, limitMs: 2_000 },
    ],
    ["off" as const, null],
  ])("set to %j is %j", (protect, expected) => {
    expect(protectionOf(protect === undefined ? {} : { protect })).toEqual(expected);
  });

  it.each<[string, Partial<ServiceInstance>, number, boolean]>([
    ["at the limit", {}, 2_000, false],
    ["behind the limit", {}, 2_001, true],
    ["while nobody is passing", { status: 0 }, 9_000, false],
    ["while the passing one is out of use", { mode: "draining" }, 9_000, false],
    ["while the one in use was never checked", { checked: false, sinceMs: 0 }, 9_000, false],
    ["while the first has recovered less than a window ago", { sinceMs: NOW_MS + 8_001 }, 9_000, false],
    ["when it has recovered a window ago", { sinceMs: NOW_MS + 8_000 }, 9_000, true],
  ])("is over %s: %j, %d ms later: %j", (_when, found, laterMs, over) => {
    const config = ServiceConfigSchema.parse({ name: "s", type: "tcp", node: [{ host: "h", port: 1 }] });
    const service = stored(config, { status: 1, ...found });
    expect(isProtectionOver(service, { percent: 50, windowMs: 1_000, limitMs: 2_000 }, NOW_MS + laterMs)).toBe(over);
  });

  it("is over soon behind a limit that is shorter than the window", () => {
    const config = ServiceConfigSchema.parse({ name: "s", type: "tcp", node: [{ host: "h", port: 1 }] });
    const service = stored(config, { status: 1, sinceMs: NOW_MS + 5_000 });
    const isOver = (laterMs: number) =>
      isProtectionOver(service, { percent: 50, windowMs: 60_000, limitMs: 1_000 }, NOW_MS + laterMs);
    expect([isOver(5_999), isOver(6_000)]).toEqual([false, true]);
  });

  const reads = (protect: unknown) =>
    ServiceConfigSchema.safeParse({ name: "s", type: "tcp", protect, node: [{ host: "h", port: 1 }] });

  it.each(["off", {}, { percent: 99 }, { percent: "1", window: 1_000, limit: 2_592_000_000 }])(
    "may be %j",
    (protect) => {
      expect(reads(protect).success).toBe(true);
    },
  );

  it.each([
    "on",
    true,
    null,
    50,
    [],
    { percent: 0 },
    { percent: 100 },
    { percent: "50%" },
    { window: 999 },
    { limit: 1 },
    { share: 1 },
  ])("may not be %j, and the refusal names it", (protect) => {
    expect(reads(protect).error?.issues[0]?.path[0]).toBe("protect");
  });
});
