import { describe, expect, it } from "vitest";
import { REDACTED } from "../redacted.ts";
import { redactNode } from "../service.ts";
import { ServiceConfigSchema, type ServiceNode, ServiceNodeSchema } from "./service.ts";

const node = (more: object = {}): unknown => ({ host: "h", port: 1, ...more });
const reads = (more: object): boolean => ServiceNodeSchema.safeParse(node(more)).success;

describe("the definition of a service", () => {
  it("keeps every number as a string and fills in what is left out", () => {
    expect(ServiceConfigSchema.parse({ name: "db", type: "TCP", node: [node({ port: 5432, rise: "3" })] })).toEqual({
      name: "db",
      type: "tcp",
      node: [
        {
          id: "h:5432",
          host: "h",
          port: "5432",
          priority: "100",
          interval: "2000",
          timeout: "2000",
          rise: "3",
          fall: "2",
          status: 0,
        },
      ],
    });
  });

  it("is the same when it is read a second time, as when a reply is sent back", () => {
    const once = ServiceConfigSchema.parse({ name: "w", type: "web", node: [{ url: "https://h/x?y=1", priority: 0 }] });
    expect(ServiceConfigSchema.parse(once)).toEqual(once);
  });

  it.each(["db", "a.b", "A_1", "x:y", "a-b", "__proto__", "constructor"])("may be called %s", (name) => {
    expect(ServiceConfigSchema.safeParse({ name, type: "tcp", node: [node()] }).success).toBe(true);
  });

  it.each(["", " ", "a/b", "a b", "é", "a\n", "n".repeat(129)])("may not be called %j", (name) => {
    expect(ServiceConfigSchema.safeParse({ name, type: "tcp", node: [node()] }).success).toBe(false);
  });

  it.each(["a b", "_a", "", "é", "__proto__"])("may not have meta of the name %j, and says so", (name) => {
    const read = ServiceNodeSchema.safeParse(node({ meta: JSON.parse(`{${JSON.stringify(name)}:"x"}`) }));
    expect(read.error?.issues[0]?.path).toEqual(["meta", name]);
  });

  it.each(["h", "10.0.0.1", "::1", "2001:db8::5", "fe80::1%eth0", "höst"])("may be at %s", (host) => {
    expect(reads({ host })).toBe(true);
  });

  it.each(["[::1]", "h:80", "10.0.0.1:80", "[::1]:80", "a b", "u@h"])("may not be at %s", (host) => {
    expect(reads({ host })).toBe(false);
  });

  it.each([100, "100", " 100 ", 86_400_000])("takes the interval %j", (interval) => {
    expect(reads({ interval })).toBe(true);
  });

  it.each([
    "0",
    0,
    -1,
    "-1",
    99,
    "99.5",
    100.5,
    "1e3",
    "0x64",
    "1_000",
    "２０００",
    "2000abc",
    "",
    Number.NaN,
    Number.POSITIVE_INFINITY,
    true,
    null,
    [],
    {},
  ])("refuses the interval %j (X13)", (interval) => {
    expect(reads({ interval })).toBe(false);
  });

  it.each(["http://h/", "https://h:8443/x", "http://[::1]:80/"])("takes the url %s", (url) => {
    expect(ServiceNodeSchema.safeParse({ url }).success).toBe(true);
  });

  it.each([
    "h",
    "//h/",
    "ftp://h/",
    "file:///etc/passwd",
    "gopher://h/",
    "javascript:alert(1)",
    "http://u@h/",
    "http://u:p@h/",
  ])("refuses the url %j (X9)", (url) => {
    expect(ServiceNodeSchema.safeParse({ url }).success).toBe(false);
  });
});

describe("a node of a service that is shown", () => {
  const secret: ServiceNode = ServiceNodeSchema.parse(node({ user: "u", pass: "hunter2" }));

  it("has stars in the place of its password and is a copy", () => {
    expect(redactNode(secret)).toEqual({ ...secret, pass: REDACTED });
    expect(secret.pass).toBe("hunter2");
    expect(redactNode(ServiceNodeSchema.parse(node()))).not.toHaveProperty("pass");
  });

  it("can be sent back as it is: the stars stand for what is stored, and applying puts it in their place (X11)", () => {
    expect(ServiceNodeSchema.parse(redactNode(secret))).toEqual({ ...secret, pass: REDACTED });
  });
});

describe("the type of a service", () => {
  const reads = (type: string, fields: object): string => {
    const read = ServiceConfigSchema.safeParse({ name: "s", type, node: [fields] });
    return read.success ? "" : read.error.issues.map(({ path }) => path.join(".")).join();
  };

  it.each([
    ["mysql", { host: "h", port: "3306", user: "root", pass: "", database: "shop" }],
    ["PgSQL", { host: "h", port: 5432, user: "u" }],
    ["redis", { host: "h", port: 6379, pass: "p" }],
    ["grpc", { host: "h", port: 50_051, service: "shop.Cart" }],
    ["custom", { script: "/usr/local/bin/check --all" }],
    ["ttl", { host: "worker-1", ttl: 30_000 }],
    ["web", { url: "http://h/", method: "head", headers: "a: b\nc: d", expect: "200-299,401", equals: "" }],
  ])("may be %s", (type, fields) => {
    expect(reads(type, fields)).toBe("");
  });

  it.each([
    ["mysql", { host: "h", port: 1 }, "node.0.user"],
    ["pgsql", { host: "h", port: 1, user: "" }, "node.0.user"],
    ["redis", { port: 1 }, "node.0.host"],
    ["grpc", { host: "h" }, "node.0.port"],
    ["custom", {}, "node.0.script"],
    ["ttl", { host: "h" }, "node.0.ttl"],
    ["web", { url: "" }, "node.0.url"],
    ["ttl", { host: "h", ttl: 99 }, "node.0.ttl"],
    ["ftp", { host: "h", port: 1 }, "type"],
    ["web", { url: "http://h/", method: "POST" }, "node.0.method"],
    ["web", { url: "http://h/", headers: "transfer-encoding: chunked" }, "node.0.headers"],
    ["web", { url: "http://h/", headers: "a: b\u0000" }, "node.0.headers"],
    ["web", { url: "http://h/", headers: "a: 1\n".repeat(21) }, "node.0.headers"],
    ["web", { url: "http://h/", expect: "2xx" }, "node.0.expect"],
    ["web", { url: "http://h/", expect: "299-200" }, "node.0.expect"],
    ["web", { url: "http://h/", contains: "" }, "node.0.contains"],
  ])("%s with %j is refused at %s", (type, fields, field) => {
    expect(reads(type, fields)).toBe(field);
  });

  it("does not show the headers of a check, which may hold a key (X11)", () => {
    const node = ServiceNodeSchema.parse({ url: "http://h/", headers: "authorization: Bearer s3cret" });
    const shown = redactNode(node);
    expect(shown.headers).toBe(REDACTED);
    expect(ServiceNodeSchema.parse(shown)).toEqual(shown);
  });
});
