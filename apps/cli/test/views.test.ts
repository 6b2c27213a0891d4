import { createClient } from "@dister/client";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { explainBalance } from "../src/commands/balance.ts";
import { ChecksTable } from "../src/commands/checks-table.ts";
import { signatureOf, type View } from "../src/view.ts";
import { FakeApi } from "./fake-api.ts";

let api: FakeApi;
beforeEach(async () => {
  api = await FakeApi.start();
});
afterEach(() => api.close());

/** Whether the second of two answers is a change for who watches. */
async function differ(call: string, look: () => Promise<View>, answers: readonly [unknown, unknown]): Promise<boolean> {
  const signatures: string[] = [];
  for (const answer of answers) {
    api.on(call, answer);
    signatures.push(signatureOf(await look()));
  }
  return signatures[0] !== signatures[1];
}

describe("what is a change for who watches", () => {
  const candidate = { id: "a", host: "h", port: "1", weight: 100, effectiveWeight: 50.004, leftOut: null, chosen: 1 };
  const explanation = (more: object, draws = ["drew 1"]) => ({
    ...{ policy: "priority", chosen: [{}], totalWeight: 50, draws },
    candidates: [{ ...candidate, says: "took part; chosen", ...more }],
  });

  test.each([
    ["who was drawn, and how", { chosen: null, says: "took part" }, false],
    ["a weight that differs behind the point where it is cut", { effectiveWeight: 50.001 }, false],
    ["a weight", { effectiveWeight: 60 }, true],
    ["why it is left out", { leftOut: "draining" }, true],
    ["another address", { port: "2" }, true],
  ])("of an explanation: %s", async (_what, more, change) => {
    const client = createClient({ urls: api.url });
    const look = (): Promise<View> => explainBalance(client, "web", {});
    const answers = [explanation({}), explanation(more, ["drew 2"])] as const;
    expect(await differ("GET /balance", look, answers)).toBe(change);
  });

  const observer = { node: "AA", state: "passing", output: "connected", latencyMs: 1, checks: 5 };
  const checks = (more: object, isProtected = false) => ({
    ...{ name: "web", type: "tcp", protected: isProtected },
    instances: [{ id: "a", state: "passing", status: 1, kept: false, observers: [{ ...observer, ...more }] }],
  });

  test.each([
    ["latency and count", checks({ latencyMs: 2, checks: 6 }), false],
    ["what an observer finds", checks({ state: "critical" }), true],
    ["its output", checks({ output: "connect ECONNREFUSED" }), true],
    ["another observer", checks({ node: "BB" }), true],
    ["a protection", checks({}, true), true],
  ])("of what checks found: %s", async (_what, answer, change) => {
    api.on("GET /node", []);
    const table = new ChecksTable(createClient({ urls: api.url }));
    const look = (): Promise<View> => table.look("web");
    expect(await differ("GET /service/checks", look, [checks({}), answer])).toBe(change);
  });

  test("members are asked for their names only when an observer is not known by name", async () => {
    api.on("GET /node", [{ id: "AA", name: "alpha" }]).on("GET /service/checks", checks({}));
    const table = new ChecksTable(createClient({ urls: api.url }));
    for (let i = 0; i < 3; i++) await table.look("web");
    expect(api.requests.filter(({ url }) => url === "/node")).toHaveLength(1);
    api.on("GET /node", [{ id: "BB", name: "beta" }]).on("GET /service/checks", checks({ node: "BB" }));
    expect((await table.look("web")).rows[0]!.cells[3]).toBe("beta");
  });
});
