import { type Service, type ServiceInstance, STATUS } from "@dister/types";
import { ManualClock, SeededRng, serviceOf } from "@dister/types/testing";
import fastify from "fastify";
import { expect, it } from "vitest";
import type { Reads } from "../api-node.ts";
import type { LatenciesMs } from "../balance/asked-latencies.ts";
import { balanceRoutes } from "./balance-routes.ts";

const node = ["a", "b", "c"].map((id, at) => ({ id, host: "h", port: at + 1 }));
const alive = { status: STATUS.alive, checked: true } as const;

/** The route over a service that changes when told, and latencies that come when told. */
class Bench {
  service: Service | undefined = serviceOf({ name: "db", type: "tcp", node }, alive);
  readonly server = fastify();
  readonly asked = Promise.withResolvers<void>();
  readonly latencies = Promise.withResolvers<LatenciesMs>();

  constructor() {
    const reads: Pick<Reads, "service" | "onServiceChanged"> = {
      service: async () => ({ value: this.service, logId: 1 }),
      onServiceChanged: () => undefined,
    };
    const of = (): Promise<LatenciesMs> => {
      this.asked.resolve();
      return this.latencies.promise;
    };
    const parts = { reads: reads as Reads, rng: new SeededRng(1), clock: new ManualClock(), latencies: { of } };
    balanceRoutes(this.server, parts);
  }

  change(id: string, to: Partial<ServiceInstance>): void {
    const { node, modifyIndex, ...service } = this.service!;
    const changed = node.map((instance) => (instance.id === id ? { ...instance, ...to } : instance));
    this.service = { ...service, node: changed, modifyIndex: modifyIndex + 1 };
  }

  async ask(query: string): Promise<{ status: number; data: unknown; body: string }> {
    const { statusCode, body, json } = await this.server.inject({ url: `/balance?name=db&${query}` });
    return { status: statusCode, data: json().data, body };
  }
}

it("who was drained while the latencies were waited for is not given any more", async () => {
  const bench = new Bench();
  const answer = bench.ask("policy=latency&count=9");
  await bench.asked.promise;
  bench.change("b", { mode: "draining" });
  bench.latencies.resolve([1, 1, 1]);
  const ids = ((await answer).data as { id: string }[]).map(({ id }) => id).sort();
  expect(ids).toEqual(["a", "c"]);
});

it("latencies of another definition than the one that is answered count for nobody, and a service that is gone meanwhile is", async () => {
  const bench = new Bench();
  const answer = bench.ask("policy=latency&explain=1");
  await bench.asked.promise;
  const turned = [...node].reverse();
  bench.service = serviceOf({ name: "db", type: "tcp", node: turned }, { ...alive, definedIndex: 2, modifyIndex: 2 });
  bench.latencies.resolve([1, 1, 50]);
  const { candidates } = (await answer).data as { candidates: { id: string; effectiveWeight: number }[] };
  expect(candidates.map(({ id, effectiveWeight }) => [id, effectiveWeight])).toEqual([
    ["c", 100],
    ["b", 100],
    ["a", 100],
  ]);

  const other = new Bench();
  const gone = other.ask("policy=latency");
  await other.asked.promise;
  other.service = undefined;
  other.latencies.resolve([]);
  expect((await gone).body).toContain("DISTER_ERR_SERVICE_NOT_FOUND");
});

it("one that is kept by a protection is explained so, and not when its weight of 0 leaves it out", async () => {
  const bench = new Bench();
  bench.change("a", { status: STATUS.dead, kept: true });
  bench.change("b", { status: STATUS.dead, kept: true, priority: "0" });
  const { candidates } = (await bench.ask("policy=first&explain=1")).data as { candidates: { says: string }[] };
  expect(candidates.map(({ says }) => says)).toEqual([
    "took part with weight 100; chosen; critical, used on as its service is protected",
    "left out, weight 0",
    "took part with weight 100",
  ]);
});
