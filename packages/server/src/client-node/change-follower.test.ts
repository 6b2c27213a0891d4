import { setImmediate as turn } from "node:timers/promises";
import { type LogId, NO_LOGGER, type Service } from "@dister/types";
import { ManualClock, serviceOf } from "@dister/types/testing";
import { expect, it, onTestFinished } from "vitest";
import {
  CLIENT_CALL,
  FOLLOW_FRESH_MS,
  FOLLOW_SILENT_MS_MAX,
  type FollowCall,
  type FollowReply,
  type ServicesReply,
} from "../client-desk/calls.ts";
import { ChangeFollower, type FollowedServers } from "./change-follower.ts";
import { KeyCache } from "./key-cache.ts";
import { Registry } from "./registry.ts";

const service = (modifyIndex: number): Service =>
  serviceOf({ name: "web", type: "tcp", node: [{ host: "h", port: 1 }] }, { modifyIndex });
const nothing = (throughLogId: LogId): FollowReply => ({
  ...{ compacted: false, keys: [], services: [], throughLogId, leader: "L" },
});

it("a client node that says up to where it has heard has taken that over, also when it had to read all anew", async () => {
  const clock = new ManualClock();
  const registry = new Registry();
  const lists: ServicesReply[] = [
    { services: [service(1)], more: false, logId: 10 },
    { services: [service(3)], more: false, logId: 30 },
  ];
  const answers: FollowReply[] = [nothing(10), { compacted: true }, nothing(30)];
  /** What the client node would have answered when it said what it had heard; undefined: it would have asked a server. */
  const said: { after: LogId; modifyIndex: number | undefined; throughLogId: LogId }[] = [];
  let stopped = false;
  onTestFinished(() => {
    stopped = true;
  });
  const call = async (method: string, question: unknown): Promise<unknown> => {
    if (method === CLIENT_CALL.services) return lists.shift();
    const { after } = question as FollowCall;
    said.push({ after, modifyIndex: registry.get("web")?.modifyIndex, throughLogId: follower.throughLogId });
    return answers.shift() ?? new Promise(() => undefined);
  };
  const servers: FollowedServers = {
    get stopped() {
      return stopped;
    },
    ranked: () => ["A"],
    avoid: () => expect.unreachable(),
    call: async <Q, A>(_to: string, method: string, question: Q) => (await call(method, question)) as A,
  };
  const follower = new ChangeFollower({ servers, cache: new KeyCache(0), registry, clock, logger: NO_LOGGER });
  follower.start();
  while (said.length < 4) {
    await turn();
    clock.advance(5);
  }
  expect(said).toEqual([
    { after: 10, modifyIndex: undefined, throughLogId: 0 },
    { after: 10, modifyIndex: 1, throughLogId: 10 },
    { after: 30, modifyIndex: 3, throughLogId: 30 },
    { after: 30, modifyIndex: 3, throughLogId: 30 },
  ]);
});

it("a client node misses nothing for as long behind its question as it is waited for: an answer that lay unread is old", async () => {
  const clock = new ManualClock();
  const replies: ((reply: FollowReply) => void)[] = [];
  let stopped = false;
  onTestFinished(() => {
    stopped = true;
  });
  const call = (method: string): Promise<unknown> =>
    method === CLIENT_CALL.services
      ? Promise.resolve({ services: [service(1)], more: false, logId: 10 })
      : new Promise<FollowReply>((resolve) => replies.push(resolve));
  const servers: FollowedServers = {
    get stopped() {
      return stopped;
    },
    ranked: () => ["A"],
    avoid: () => expect.unreachable(),
    call: async <_Q, A>(_to: string, method: string) => (await call(method)) as A,
  };
  const parts = { servers, cache: new KeyCache(0), registry: new Registry(), clock, logger: NO_LOGGER };
  const follower = new ChangeFollower(parts);
  const answerAfter = async (ms: number): Promise<void> => {
    for (await turn(); replies.length === 0; await turn()) clock.advance(5);
    clock.advance(ms);
    replies.shift()!(nothing(10));
    await turn();
  };
  follower.start();
  await answerAfter(1_000);
  expect([follower.following, follower.isFresh]).toEqual(["A", true]);
  clock.advance(FOLLOW_FRESH_MS - 1_000);
  expect(follower.isFresh).toBe(true);
  clock.advance(1);
  expect(follower.isFresh).toBe(false);
  await answerAfter(FOLLOW_FRESH_MS + 1);
  expect([follower.ageMs, follower.isFresh]).toEqual([0, false]);
  await answerAfter(1);
  expect(follower.isFresh).toBe(true);
  expect(FOLLOW_FRESH_MS).toBeLessThan(FOLLOW_SILENT_MS_MAX);
});
