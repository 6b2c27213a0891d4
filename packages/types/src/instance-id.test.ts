import { describe, expect, it } from "vitest";
import { instanceAddress, instanceIds } from "./instance-id.ts";
import { LIMITS } from "./limits.ts";
import { ServiceConfigSchema, type ServiceType } from "./schemas/service.ts";

const read = (type: ServiceType, node: object[]) => ServiceConfigSchema.safeParse({ name: "s", type, node });
const ids = (type: ServiceType, ...node: object[]) => read(type, node).data?.node.map(({ id }) => id);
const problem = (type: ServiceType, ...node: object[]) => {
  const { error } = read(type, node);
  return error?.issues.map(({ path, message }) => `${path.join(".")}: ${message}`).join("; ");
};

describe("the id of an instance", () => {
  it("is the one that it brings", () => {
    expect(ids("tcp", { id: "first", host: "h", port: 1 }, { id: "h:1", host: "g", port: 1 })).toEqual([
      "first",
      "h:1",
    ]);
  });

  it("is its address otherwise, IPv6 in brackets, without a port where it has none", () => {
    expect(
      ids("tcp", { host: "10.0.0.1", port: 80 }, { host: "::1", port: "80" }, { host: "DB.local", port: " 7 " }),
    ).toEqual(["10.0.0.1:80", "[::1]:80", "DB.local:7"]);
    expect(ids("ttl", { host: "worker", ttl: 1_000 }, { host: "fe80::1", ttl: 1_000 })).toEqual([
      "worker",
      "[fe80::1]",
    ]);
  });

  it("is the address of what a web check asks for, with the port that goes without saying", () => {
    const urls = ["http://a/x", "https://b/", "http://c:8080/", "http://[::1]/", "http://A.b:80/?q#f", "https://é/"];
    expect(ids("web", ...urls.map((url) => ({ url })))).toEqual([
      "a:80",
      "b:443",
      "c:8080",
      "[::1]:80",
      "a.b:80",
      "xn--9ca:443",
    ]);
    // Its own address counts, when it has one: that is where its users go.
    expect(ids("web", { url: "http://checks/", host: "h", port: 1 }, { url: "http://checks/", host: "g" })).toEqual([
      "h:1",
      "g",
    ]);
  });

  it("is its place where nothing tells an address, as with a script", () => {
    expect(ids("custom", { script: "/a" }, { script: "/b", host: "h" }, { script: "/c" })).toEqual([
      "instance-0",
      "h",
      "instance-2",
    ]);
  });

  it("of a twin is counted on, and twins stay apart whoever else is there", () => {
    const twin = { host: "h", port: 1 };
    expect(ids("tcp", twin, twin, { host: "g", port: 1 }, twin)).toEqual(["h:1", "h:1#2", "g:1", "h:1#3"]);
    expect(ids("web", { url: "http://h/a" }, { url: "http://h/b" })).toEqual(["h:80", "h:80#2"]);
  });

  it("gives way to one that is brought and equals it, wherever that stands", () => {
    const plain = { host: "h", port: 1 };
    expect(ids("tcp", plain, { id: "h:1", host: "g", port: 1 })).toEqual(["h:1#2", "h:1"]);
    expect(ids("tcp", plain, plain, { id: "h:1#2", host: "g", port: 1 })).toEqual(["h:1", "h:1#3", "h:1#2"]);
    expect(ids("custom", { script: "/a" }, { id: "instance-0", script: "/b" })).toEqual(["instance-0#2", "instance-0"]);
  });

  it("is the same whenever the same definition is registered, and when what was read is registered again", () => {
    const node = [
      { host: "h", port: 1 },
      { host: "h", port: 1 },
      { id: "h:1#2", host: "::1", port: 2 },
    ];
    const once = read("tcp", node).data!;
    expect(read("tcp", node).data).toEqual(once);
    expect(ServiceConfigSchema.parse(once)).toEqual(once);
  });

  it("comes once: a second one is refused, and the refusal names the field", () => {
    const twin = { id: "a", host: "h", port: 1 };
    expect(problem("tcp", twin, { ...twin, id: "b" }, twin)).toBe("node.2.id: an id that comes once");
  });

  it.each([
    "",
    " ",
    "a b",
    "a\n",
    "\u0000",
    "a\u007f",
    "a\u2028b",
    "\ud800",
    "x".repeat(LIMITS.instanceIdCharsMax + 1),
    1,
    null,
  ])("may not be %j", (id) => {
    expect(problem("tcp", { id, host: "h", port: 1 })).toMatch(/^node\.0\.id: /);
  });

  it.each(["a", "__proto__", "[::1]:80#2", "é/ö?", "\u{1F600}", "x".repeat(LIMITS.instanceIdCharsMax)])(
    "may be %j",
    (id) => {
      expect(ids("tcp", { id, host: "h", port: 1 })).toEqual([id]);
    },
  );

  it("made of the longest address fits the limit of an id, and a longer address is refused", () => {
    const longest = "h".repeat(255);
    expect(ids("tcp", { host: longest, port: 65_535 })![0]!.length).toBeLessThanOrEqual(LIMITS.instanceIdCharsMax);
    expect(ids("web", { url: `http://${longest}/` })).toEqual([`${longest}:80`]);
    expect(problem("web", { url: `http://${longest}h/` })).toMatch(/^node\.0\.url: /);
  });

  it("made of an address could be brought as well: an address without control characters and spaces", () => {
    for (const host of ["a\u0001", "a\u007f", "a b", "a\u0085"]) {
      expect(problem("tcp", { host, port: 1 }), JSON.stringify(host)).toMatch(/^node\.0\.host: /);
    }
  });

  it("tells as many twins apart as a service may have", () => {
    const twins = new Array<object>(LIMITS.serviceNodesMax).fill({ host: "h", port: "1" });
    expect(new Set(instanceIds(twins)).size).toBe(LIMITS.serviceNodesMax);
  });
});

describe("where an instance is", () => {
  it.each([
    [{ host: "h", port: "1", url: "http://other:2/" }, "h", "1"],
    [{ host: "", port: "", url: "https://other/" }, "other", "443"],
    [{ url: "http://[::1]:8080/" }, "::1", "8080"],
    [{ port: "5" }, null, "5"],
    [{ url: "not an address" }, null, null],
    [{}, null, null],
  ])("of %j is %s and %s", (instance, host, port) => {
    expect(instanceAddress(instance)).toEqual({ host, port });
  });
});
