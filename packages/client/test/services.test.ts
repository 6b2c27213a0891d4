import { isDisterError, LIMITS } from "@dister/types";
import { describe, expect, test } from "vitest";
import { createClient } from "../src/index.ts";
import { type Answer, fakeNode } from "./fake-node.ts";

const write = { logid: 120_345, changed: 1 };

async function scene(...answers: Answer[]) {
  const node = await fakeNode(...answers);
  return { node, client: createClient({ urls: node.url, retries: 0 }) };
}

describe("instances of services", () => {
  test("are registered and removed by themselves, one or a list, as one write each", async () => {
    const { node, client } = await scene({ data: write });
    const web = { name: "web", type: "tcp", node: [{ id: "a", host: "h", port: 1, tags: ["blue"] }] } as const;
    expect(await client.services.registerInstances(web)).toEqual(write);
    await client.services.registerInstances([web, web], { requestId: "mine" });
    expect(await client.services.removeInstances({ name: "web", id: "a" })).toEqual(write);
    expect(node.seen.map(({ method, url, body }) => [method, url, JSON.parse(body)])).toEqual([
      ["POST", "/service/instance", [web]],
      ["POST", "/service/instance", [web, web]],
      ["DELETE", "/service/instance", [{ name: "web", id: "a" }]],
    ]);
    expect(node.seen[1]!.headers["x-request-id"]).toBe("mine");
  });

  test("what was read can be registered again as it is", async () => {
    const shown = {
      ...{ name: "db", type: "pgsql", protection: { since: "2026-11-22T10:00:00.000Z", kept: ["a"] } },
      node: [{ id: "a", host: "h", port: "1", user: "u", pass: "******", status: 1, state: "critical" }],
    };
    const { node, client } = await scene({ data: shown }, { data: write });
    const read = await client.services.get("db");
    await client.services.register(read!);
    expect(JSON.parse(node.seen[1]!.body)).toEqual([shown]);
  });

  test("are taken out of use; the wait for watchers is asked for and its answer given back", async () => {
    const watchers = { told: 3, waiting: ["two"] };
    const { node, client } = await scene({ data: write }, { data: { ...write, watchers } });
    const change = { name: "web", id: "a", mode: "draining" } as const;
    expect(await client.services.setMode(change)).toEqual(write);
    expect(await client.services.setMode([change], { waitMs: 5_000 })).toEqual({ ...write, watchers });
    expect(node.seen.map(({ url, body }) => [url, JSON.parse(body)])).toEqual([
      ["/service/mode", [change]],
      ["/service/mode?wait=5000", [change]],
    ]);
  });

  test("the wait for watchers comes on top of the time limit", async () => {
    const { client } = await scene("never");
    const change = { name: "web", id: "a", mode: "active" } as const;
    const failure = await client.services.setMode(change, { timeoutMs: 20, waitMs: 40 }).catch((error) => error);
    expect(isDisterError(failure, "DISTER_ERR_UNKNOWN_OUTCOME")).toBe(true);
    expect((failure.cause as Error).message).toContain("took longer than 60 ms");
  });

  test.each([-1, 0.5, Number.NaN, LIMITS.watcherWaitMsMax + 1])(
    "a wait of %d ms is refused by name",
    async (waitMs) => {
      const { node, client } = await scene({ data: write });
      const call = client.services.setMode({ name: "web", id: "a", mode: "active" }, { waitMs });
      await expect(call).rejects.toThrow(/^waitMs: got /);
      expect(node.seen).toEqual([]);
    },
  );

  test("an instance that does not exist is an error with its code", async () => {
    const { client } = await scene({ code: "DISTER_ERR_INSTANCE_NOT_FOUND", status: 404 });
    const failure = await client.services.setMode({ name: "web", id: "z", mode: "active" }).catch((error) => error);
    expect(isDisterError(failure, "DISTER_ERR_INSTANCE_NOT_FOUND")).toBe(true);
  });

  test("what their checks found is asked for by the name of the service", async () => {
    const checks = { name: "web", type: "tcp", protected: false, instances: [] };
    const { node, client } = await scene({ data: checks });
    expect(await client.services.checks("web")).toEqual(checks);
    expect(node.seen[0]!.url).toBe("/service/checks?name=web");
    await expect(client.services.checks("")).rejects.toThrow(/^name: got ""/);
  });

  test("report of themselves by id as well", async () => {
    const { node, client } = await scene({ data: { taken: 1 } });
    await client.services.report({ name: "worker", id: "w1", status: 0 });
    expect(JSON.parse(node.seen[0]!.body)).toEqual([{ name: "worker", id: "w1", status: 0 }]);
  });

  test("are chosen by tags in their order; a tag with a comma would be two", async () => {
    const { node, client } = await scene({ data: [] });
    await client.balanceMany("web", 2, { policy: "first", tags: ["blue", "a b"] });
    expect(node.seen[0]!.url).toBe("/balance?name=web&policy=first&tags=blue%2Ca%20b&count=2");
    await expect(client.balance("web", { policy: "first", tags: ["a,b"] })).rejects.toThrow(/^tags: got "a,b"/);
    await expect(client.balance("web", { policy: "first", tags: [] })).rejects.toThrow(/^tags: got ""/);
    expect(node.seen).toHaveLength(1);
  });
});

describe("what a reply says of its own age", () => {
  test("is told before the value is given", async () => {
    const raw = '{"result":1,"message":"ok","data":{},"stale":true,"ageMs":1200,"logid":5,"protected":true}';
    const { client } = await scene({ raw, status: 200 }, { raw, status: 200 }, { data: {} });
    const heard: object[] = [];
    const onMarks = (marks: object): void => void heard.push(marks);
    const stale = { stale: true, ageMs: 1_200, logid: 5, protected: true };
    await client.services.list({ onMarks }).then(() => expect(heard).toEqual([stale]));
    await client.explainBalance("web", { onMarks });
    await client.services.checks("web", { onMarks });
    expect(heard).toEqual([stale, stale, {}]);
  });

  test("is not told of an error", async () => {
    const { client } = await scene({ code: "DISTER_ERR_SERVICE_NOT_FOUND", status: 404 });
    const onMarks = (): void => expect.unreachable();
    expect(await client.services.get("web", { onMarks })).toBeUndefined();
  });
});
