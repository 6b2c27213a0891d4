import { ManualClock } from "@dister/types/testing";
import { expect, test } from "vitest";
import type { Snapshot } from "./model.ts";
import type { NodeReader } from "./node-reader.ts";
import { Poller } from "./poller.ts";

const QUERY = { prefix: "", after: "", limit: 25 };

/** A node that counts what it is asked, with answers that a test can change. */
class FakeNode implements NodeReader {
  readonly asked: string[] = [];
  appliedLogId = 10_001;
  failing = new Map<string, string>();
  held: Promise<void> = Promise.resolve();

  async #answer<T>(what: string, answer: T): Promise<T> {
    this.asked.push(what);
    await this.held;
    const message = this.failing.get(what);
    if (message !== undefined) throw new Error(message);
    return answer;
  }

  health = () => this.#answer("health", { live: true, ready: true, leader: "AA", reason: null });
  status = () => this.#answer("status", { node: { id: "AA" }, appliedLogId: this.appliedLogId });
  nodes = () => this.#answer("nodes", []);
  services = () => this.#answer("services", []);
  keys = ({ prefix }: { prefix: string }) =>
    this.#answer("keys", { items: [{ key: `${prefix}k`, value: "v" }], next: null });

  /** What it was asked since the last time. */
  take(): string[] {
    return this.asked.splice(0);
  }
}

function start(options: { hidden?: () => boolean } = {}) {
  const node = new FakeNode();
  const clock = new ManualClock();
  const snapshots: Snapshot[] = [];
  let wake: () => void = () => {};
  const onSnapshot = (snapshot: Snapshot): void => {
    snapshots.push(snapshot);
    wake();
  };
  const isHidden = options.hidden ?? (() => false);
  const poller = new Poller({ reader: node, clock }, { intervalMs: 2_000, query: QUERY, onSnapshot, isHidden });
  /** Waits for the next snapshot, and until the poller has set its timer behind it. */
  const next = async (act: () => void): Promise<Snapshot> => {
    const come = new Promise<void>((resolve) => {
      wake = resolve;
    });
    act();
    await come;
    await settled();
    return snapshots.at(-1)!;
  };
  return { node, clock, snapshots, poller, next };
}

/** All promises that can go on have gone on. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("everything is asked for at first", async () => {
  const { node, poller, next } = start();
  const snapshot = await next(() => poller.refresh());
  expect(node.take().toSorted()).toEqual(["health", "keys", "nodes", "services", "status"]);
  expect(snapshot).toMatchObject({ answered: true, keys: { ok: true, data: { items: [{ key: "k" }], query: QUERY } } });
});

test("keys and services are asked for again only when something was applied since", async () => {
  const { node, clock, poller, next } = start();
  const first = await next(() => poller.refresh());
  node.take();
  const second = await next(() => clock.advance(2_000));
  expect(node.take().toSorted()).toEqual(["health", "nodes", "status"]);
  expect(second).toEqual(first);
  node.appliedLogId = 20_002;
  await next(() => clock.advance(2_000));
  expect(node.take().toSorted()).toEqual(["health", "keys", "nodes", "services", "status"]);
});

test("what could not be read is asked for again although nothing was applied", async () => {
  const { node, clock, poller, next } = start();
  node.failing.set("services", "busy");
  const first = await next(() => poller.refresh());
  expect(first).toMatchObject({ services: { ok: false, message: "busy" }, keys: { ok: true } });
  node.failing.clear();
  node.take();
  const second = await next(() => clock.advance(2_000));
  expect(node.take()).toContain("services");
  expect(second).toMatchObject({ services: { ok: true } });
});

test("a node that does not answer is asked nothing more in that round, and asked again in the next", async () => {
  const { node, clock, poller, next } = start();
  node.failing.set("health", "refused");
  expect(await next(() => poller.refresh())).toEqual({ answered: false, message: "refused" });
  expect(node.take()).toEqual(["health"]);
  node.failing.clear();
  expect(await next(() => clock.advance(2_000))).toMatchObject({ answered: true });
});

test("two rounds never run at the same time", async () => {
  const { node, clock, poller, next } = start();
  let release: () => void = () => {};
  node.held = new Promise((resolve) => {
    release = resolve;
  });
  poller.refresh();
  poller.refresh();
  clock.advance(10_000);
  await settled();
  expect(node.take()).toEqual(["health"]);
  await next(release);
  // The second request came while the first was under way: one more round follows at once.
  expect(node.take().filter((what) => what === "health")).toEqual(["health"]);
});

test("an answer to a question that was changed meanwhile is not shown", async () => {
  const { node, snapshots, poller, next } = start();
  let release: () => void = () => {};
  node.held = new Promise((resolve) => {
    release = resolve;
  });
  poller.refresh();
  await settled();
  poller.show({ ...QUERY, prefix: "config/" });
  const snapshot = await next(release);
  expect(snapshots).toHaveLength(1);
  expect(snapshot).toMatchObject({ keys: { data: { items: [{ key: "config/k" }], query: { prefix: "config/" } } } });
});

test("nothing is asked while nobody looks", async () => {
  let hidden = true;
  const { node, clock, poller, next } = start({ hidden: () => hidden });
  poller.refresh();
  clock.advance(2_000);
  await settled();
  expect(node.take()).toEqual([]);
  hidden = false;
  await next(() => clock.advance(2_000));
  expect(node.take()).toContain("health");
});

test("after the end nothing is asked and nothing is shown", async () => {
  const { node, clock, snapshots, poller } = start();
  poller.refresh();
  poller.stop();
  await settled();
  clock.advance(10_000);
  poller.refresh();
  await settled();
  expect(snapshots).toEqual([]);
  expect(node.take().filter((what) => what === "health")).toHaveLength(1);
});
