import type { ServiceNode } from "@dister/types";
import { describe, expect, test } from "vitest";
import { keepStatuses } from "./service-definition.ts";

const node = (fields: object) => fields as ServiceNode;

describe("keeping statuses", () => {
  test("matches nodes by what they are, not by how they are checked, in whatever order the fields stand", () => {
    const old = [node({ host: "h", port: "1", status: 1 })];
    expect(keepStatuses([node({ port: "1", host: "h", status: 0 })], old)).toEqual([
      { port: "1", host: "h", status: 1 },
    ]);
    expect(keepStatuses([node({ host: "h", port: "1", user: "u", status: 1 })], old)[0]!.status).toBe(0);
    const settings = { priority: "0", interval: "1", timeout: "2", rise: "3", fall: "4" };
    expect(keepStatuses([node({ host: "h", port: "1", ...settings, status: 0 })], old)[0]!.status).toBe(1);
  });

  test("gives each of some twins a status of its own", () => {
    const old = [1, 0, 1].map((status) => node({ host: "h", status }));
    const wanted = Array.from({ length: 4 }, () => node({ host: "h", status: 1 }));
    expect(keepStatuses(wanted, old).map(({ status }) => status)).toEqual([1, 0, 1, 0]);
  });

  test("does not confuse values with names, nor stumble over a field named __proto__", () => {
    const old = [node({ host: "a,port", status: 1 }), JSON.parse(`{"__proto__":"x","status":1}`)];
    const wanted = [node({ host: "a", port: "", status: 0 }), JSON.parse(`{"__proto__":"x","status":0}`)];
    expect(keepStatuses(wanted, old).map(({ status }) => status)).toEqual([0, 1]);
  });
});
