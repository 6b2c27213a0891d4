import { getEventListeners } from "node:events";
import { type DisterError, ERRORS, type ErrorCode, isDisterError } from "@dister/types";
import { ManualClock } from "@dister/types/testing";
import { describe, expect, test } from "vitest";
import { createClient } from "../src/index.ts";
import { deadUrl, fakeNode, hastyClient } from "./fake-node.ts";

const write = { logid: 10_001, changed: 1 };

/** The error that a promise rejects with. */
async function errorOf(promise: Promise<unknown>): Promise<DisterError> {
  try {
    await promise;
  } catch (error) {
    if (isDisterError(error)) return error;
    throw error;
  }
  throw new Error("it did not fail");
}

describe("retries", () => {
  const retryable = (Object.keys(ERRORS) as ErrorCode[]).filter((code) => ERRORS[code].retryable);

  test.each(retryable)("%s is tried again, a write with the same request id", async (code) => {
    const node = await fakeNode({ code }, { code }, { data: write });
    const { client } = hastyClient(node.url);
    expect(await client.kv.set("a", "1")).toEqual(write);
    const ids = node.seen.map(({ headers }) => headers["x-request-id"]);
    expect(ids).toEqual([ids[0], ids[0], ids[0]]);
    expect(new Set(node.seen.map(({ body }) => body))).toEqual(new Set(['{"a":"1"}']));
  });

  const final = (Object.keys(ERRORS) as ErrorCode[]).filter((code) => !ERRORS[code].retryable);

  test.each(final.filter((code) => code !== "DISTER_ERR_KEY_NOT_FOUND"))(
    "%s is not tried again and comes out with code and message",
    async (code) => {
      const node = await fakeNode({ code, message: "in the node's words", status: ERRORS[code].status });
      const error = await errorOf(hastyClient(node.url).client.kv.get("a"));
      expect([error.code, error.message]).toEqual([code, "in the node's words"]);
      expect(node.seen).toHaveLength(1);
    },
  );

  test.each(["DISTER_ERR_OF_THE_FUTURE", "toString", "__proto__", ""])(
    "the unknown code %j comes out as internal, with the message, and is not tried again",
    async (code) => {
      const node = await fakeNode({ code, message: "something new" });
      const error = await errorOf(hastyClient(node.url).client.kv.set("a", "1"));
      expect([error.code, error.message]).toEqual(["DISTER_ERR_INTERNAL", "something new"]);
      expect(node.seen).toHaveLength(1);
    },
  );

  test("a connection that breaks without an answer is tried again, with the same request id", async () => {
    const node = await fakeNode("hang up", { data: write });
    expect(await hastyClient(node.url).client.kv.delete("a")).toEqual(write);
    expect(node.seen[1]!.headers["x-request-id"]).toBe(node.seen[0]!.headers["x-request-id"]);
  });

  test("pauses double up to a second, after which it gives up with the last error", async () => {
    const node = await fakeNode({ code: "DISTER_ERR_NO_LEADER", message: "no leader" });
    const { client, pausesMs } = hastyClient(node.url, { retries: 7 });
    const error = await errorOf(client.kv.get("a"));
    expect([error.code, error.message]).toEqual(["DISTER_ERR_NO_LEADER", "no leader"]);
    expect(node.seen).toHaveLength(8);
    expect(pausesMs).toEqual([25, 50, 100, 200, 400, 500, 500]);
  });

  test("it gives up when the next pause would not end in time", async () => {
    const node = await fakeNode({ code: "DISTER_ERR_BUSY" });
    const { client, pausesMs } = hastyClient(node.url, { retries: 1_000, timeoutMs: 3_000 });
    expect((await errorOf(client.kv.get("a"))).code).toBe("DISTER_ERR_BUSY");
    const sumMs = pausesMs.reduce((sum, pauseMs) => sum + pauseMs, 0);
    expect(sumMs).toBeLessThan(3_000);
    expect(sumMs).toBeGreaterThan(2_000);
  });

  test("with retries 0 a node is asked once", async () => {
    const node = await fakeNode({ code: "DISTER_ERR_NO_LEADER" });
    await errorOf(hastyClient(node.url, { retries: 0 }).client.kv.get("a"));
    expect(node.seen).toHaveLength(1);
  });
});

describe("fail-over", () => {
  test("the url that answered last is asked first the next time", async () => {
    const first = await fakeNode({ code: "DISTER_ERR_NO_LEADER" });
    const second = await fakeNode({ data: "v" });
    const { client } = hastyClient([first.url, second.url]);
    await client.kv.get("a");
    await client.kv.get("b");
    expect([first.seen.length, second.seen.length]).toEqual([1, 2]);
  });

  test("the next url is asked at once when nobody listens at the first", async () => {
    const node = await fakeNode({ data: "v" });
    const dead = await deadUrl();
    const { client, pausesMs } = hastyClient([dead, node.url]);
    expect(await client.kv.get("a")).toBe("v");
    expect(await client.kv.get("b")).toBe("v");
    expect(pausesMs).toEqual([]);
    expect(node.seen.map(({ url }) => url)).toEqual(["/kv?k=a", "/kv?k=b"]);
  });

  test("a node that cannot serve just now hands on to the next, a write under the same request id", async () => {
    const first = await fakeNode({ code: "DISTER_ERR_NOT_FORMED" });
    const second = await fakeNode({ data: write });
    await hastyClient([first.url, second.url]).client.kv.set("a", "1");
    expect(second.seen[0]!.headers["x-request-id"]).toBe(first.seen[0]!.headers["x-request-id"]);
  });

  test("it pauses only when every url has been asked", async () => {
    const nodes = await Promise.all([1, 2, 3].map(() => fakeNode({ code: "DISTER_ERR_NO_LEADER" })));
    const { client, pausesMs } = hastyClient(
      nodes.map(({ url }) => url),
      { retries: 8 },
    );
    await errorOf(client.kv.get("a"));
    expect(nodes.map(({ seen }) => seen.length)).toEqual([3, 3, 3]);
    expect(pausesMs).toEqual([25, 50]);
  });

  test("a silent node gets its share of the time, then the next is asked", async () => {
    const silent = await fakeNode("never");
    const node = await fakeNode({ data: "v" });
    const clock = new ManualClock();
    const client = createClient({ urls: [silent.url, node.url], timeoutMs: 4_000 }, { clock });
    const asking = client.kv.get("a");
    await silent.got(1);
    clock.advance(1_999);
    expect(node.seen).toHaveLength(0);
    clock.advance(1);
    expect(await asking).toBe("v");
    expect(clock.pending).toBe(0);
  });

  test("what answers in place of a node is passed over when it is a gateway's error, and refused otherwise", async () => {
    const proxy = await fakeNode({ raw: "<h1>Bad Gateway</h1>", status: 502 });
    const node = await fakeNode({ data: "v" });
    expect(await hastyClient([proxy.url, node.url]).client.kv.get("a")).toBe("v");

    for (const raw of ["<html>", "null", "[]", "{}", '{"result":2}', ""]) {
      const stranger = await fakeNode({ raw, status: 200 });
      expect((await errorOf(hastyClient(stranger.url).client.kv.get("a"))).code).toBe("DISTER_ERR_MESSAGE");
      expect(stranger.seen).toHaveLength(1);
    }
  });

  test("a reply whose data is of another kind is refused", async () => {
    const node = await fakeNode({ data: 7 });
    const { client } = hastyClient(node.url);
    for (const call of [client.kv.get("a"), client.kv.all(), client.services.list(), client.status()]) {
      expect((await errorOf(call)).code).toBe("DISTER_ERR_MESSAGE");
    }
  });

  test("a redirect is not followed: no node sends one, and a write must not go elsewhere", async () => {
    const target = await fakeNode({ data: write });
    const node = await fakeNode({ raw: "", status: 307, location: `${target.url}/kv` });
    const error = await errorOf(hastyClient(node.url, { retries: 1 }).client.kv.set("a", "1"));
    expect(error.code).toBe("DISTER_ERR_UNKNOWN_OUTCOME");
    expect(target.seen).toHaveLength(0);
  });
});

describe("time limits", () => {
  test("a call whose node never answers ends at its limit", async () => {
    const node = await fakeNode("never");
    const clock = new ManualClock();
    const asking = errorOf(createClient({ urls: node.url, timeoutMs: 700 }, { clock }).kv.get("a"));
    await node.got(1);
    clock.advance(700);
    const error = await asking;
    expect([error.code, error.message]).toEqual(["DISTER_ERR_TIMEOUT", "GET /kv took longer than 700 ms"]);
    expect(clock.pending).toBe(0);
  });

  test("the limit holds for the body too, and a call may have one of its own", async () => {
    const clock = new ManualClock();
    const half: typeof fetch = async (_input, init) =>
      new Response(
        new ReadableStream({
          start(controller) {
            controller.enqueue(new TextEncoder().encode('{"result":1,'));
            init!.signal!.addEventListener("abort", () => controller.error(init!.signal!.reason));
          },
        }),
      );
    const client = createClient({ fetch: half }, { clock });
    const asking = errorOf(client.kv.get("a", { timeoutMs: 50 }));
    clock.advance(50);
    expect((await asking).code).toBe("DISTER_ERR_TIMEOUT");
  });
});

describe("C2 what a failed write may have done", () => {
  test.each([
    ["a broken connection", "hang up"],
    ["a time-out of the node", { code: "DISTER_ERR_TIMEOUT" }],
    ["an unknown outcome", { code: "DISTER_ERR_UNKNOWN_OUTCOME" }],
    ["a gateway's error", { raw: "bad gateway", status: 502 }],
  ] as const)("%s leaves it unknown, and the error says with which id to ask again", async (_what, answer) => {
    const node = await fakeNode(answer);
    const error = await errorOf(hastyClient(node.url, { retries: 2 }).client.kv.set("a", "1"));
    expect(error.code).toBe("DISTER_ERR_UNKNOWN_OUTCOME");
    expect(error.details["requestId"]).toBe(node.seen[0]!.headers["x-request-id"]);
    expect(error.cause).toBeInstanceOf(Error);
  });

  test.each(["DISTER_ERR_NO_LEADER", "DISTER_ERR_FORBIDDEN"])(
    "one attempt that may have done it is enough, though a later one says %s",
    async (code) => {
      const node = await fakeNode("hang up", { code });
      const error = await errorOf(hastyClient(node.url, { retries: 3 }).client.kv.set("a", "1"));
      expect(error.code).toBe("DISTER_ERR_UNKNOWN_OUTCOME");
      expect(error.cause).toMatchObject({ code });
    },
  );

  test("the silence of a node leaves it unknown", async () => {
    const node = await fakeNode("never");
    const clock = new ManualClock();
    const writing = errorOf(createClient({ urls: node.url, timeoutMs: 500 }, { clock }).kv.set("a", "1"));
    await node.got(1);
    clock.advance(500);
    expect((await writing).code).toBe("DISTER_ERR_UNKNOWN_OUTCOME");
  });

  test("where no connection came about it is surely not done, and the error says so by its code", async () => {
    const error = await errorOf(
      hastyClient([await deadUrl(), await deadUrl()], { retries: 3 }).client.kv.set("a", "1"),
    );
    expect(error.code).toBe("DISTER_ERR_PEER_UNREACHABLE");
    expect(error.details["reason"]).toBe("ECONNREFUSED");
  });

  test("of a port that fetch asks for nothing it is surely not done, and the error says so", async () => {
    const error = await errorOf(hastyClient(["http://127.0.0.1:6000"], { retries: 1 }).client.kv.set("a", "1"));
    expect(error.code).toBe("DISTER_ERR_PEER_UNREACHABLE");
    expect(error.message).toContain("fetch never asks this port");
  });

  test.each([
    "DISTER_ERR_NO_LEADER",
    "DISTER_ERR_NO_SERVER",
    "DISTER_ERR_BUSY",
    "DISTER_ERR_DROPPED",
    "DISTER_ERR_TRANSFERRING",
  ])("after nothing but %s it is surely not done", async (code) => {
    const node = await fakeNode({ code });
    const error = await errorOf(hastyClient(node.url, { retries: 2 }).client.kv.set("a", "1"));
    expect(error.code).toBe(code);
  });

  test("a read is never unknown", async () => {
    const node = await fakeNode("hang up");
    const error = await errorOf(hastyClient(node.url, { retries: 1 }).client.kv.get("a"));
    expect(error.code).toBe("DISTER_ERR_PEER_UNREACHABLE");
  });
});

describe("abort", () => {
  test("a call that waits for an answer rejects with the signal's reason, without another attempt", async () => {
    const node = await fakeNode("never");
    const controller = new AbortController();
    const reason = new Error("changed my mind");
    const clock = new ManualClock();
    const client = createClient({ urls: [node.url, await deadUrl()] }, { clock });
    const asking = client.kv.set("a", "1", { signal: controller.signal });
    await node.got(1);
    controller.abort(reason);
    await expect(asking).rejects.toBe(reason);
    expect(clock.pending).toBe(0);
    expect(node.seen).toHaveLength(1);
  });

  test("a call that pauses rejects at once", async () => {
    const node = await fakeNode({ code: "DISTER_ERR_NO_LEADER" });
    const controller = new AbortController();
    const clock = new ManualClock();
    const pausing = Promise.withResolvers<void>();
    const timer = clock.setTimer.bind(clock);
    clock.setTimer = (delayMs, fire) => {
      if (delayMs <= 50) pausing.resolve();
      return timer(delayMs, fire);
    };
    const asking = createClient({ urls: node.url }, { clock }).kv.get("a", { signal: controller.signal });
    const rejected = expect(asking).rejects.toBe("later");
    await pausing.promise;
    controller.abort("later");
    await rejected;
    expect(clock.pending).toBe(0);
    expect(node.seen).toHaveLength(1);
  });

  test("a signal that serves many calls is left without listeners", async () => {
    const node = await fakeNode({ code: "DISTER_ERR_NO_LEADER" }, { data: "v" });
    const { signal } = new AbortController();
    const { client } = hastyClient(node.url);
    for (let n = 0; n < 3; n++) await client.kv.get("a", { signal });
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
  });

  test("a signal that is aborted beforehand sends nothing", async () => {
    const node = await fakeNode({ data: "v" });
    const signal = AbortSignal.abort("no");
    await expect(hastyClient(node.url).client.kv.get("a", { signal })).rejects.toBe("no");
    expect(node.seen).toHaveLength(0);
  });
});
