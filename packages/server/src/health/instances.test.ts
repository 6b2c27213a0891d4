import type { Service, ServiceInstance } from "@dister/types";
import { ManualClock, SeededRng, serviceOf } from "@dister/types/testing";
import { describe, expect, it } from "vitest";
import { Instances, type KnownInstance } from "./instances.ts";

/** A service of instances on these ports, which are their ids. */
function web(ports: readonly number[], definedIndex: number, name = "web"): Service {
  const node = ports.map((port) => ({ id: String(port), host: "h", port }));
  return { ...serviceOf({ name, type: "tcp", node }, { definedIndex, modifyIndex: definedIndex }), definedIndex };
}

function withFound(service: Service, id: string, found: Partial<ServiceInstance>): Service {
  return { ...service, node: service.node.map((one) => (one.id === id ? { ...one, checked: true, ...found } : one)) };
}

const sorted = (instances: Instances): Omit<KnownInstance, "changedMs">[] =>
  [...instances.all()].map(({ changedMs: _changedMs, ...known }) => known).sort((a, b) => (a.key < b.key ? -1 : 1));

describe("the instances of all services", () => {
  it("are told apart when only a status changed, and as a whole when the service is defined anew", () => {
    const instances = new Instances(new ManualClock());
    const first = web([1, 2, 3], 5);
    expect(instances.take("web", first)).toMatchObject({ redefined: true });
    const second = withFound(first, "2", { status: 1, sinceMs: 9 });
    const { redefined, changed } = instances.take("web", second);
    expect([redefined, changed.map(({ key }) => key)]).toEqual([false, ["web/2"]]);
    expect(instances.get("web/2")!.instance).toBe(second.node[1]);
    expect(instances.take("web", web([3, 4], 6))).toMatchObject({ redefined: true });
    expect([...instances.keys()].sort()).toEqual(["web/3", "web/4"]);
    expect(instances.take("web", null)).toEqual({ redefined: true, changed: [] });
    expect([...instances.keys()]).toEqual([]);
  });

  it("are after any changes what a fresh load would make of the services", () => {
    const rng = new SeededRng(11);
    const below = (n: number): number => Math.floor(rng.next() * n);
    for (let round = 0; round < 30; round++) {
      const clock = new ManualClock();
      const followed = new Instances(clock);
      const services = new Map<string, Service>();
      followed.load([]);
      for (let index = 1; index <= 60; index++) {
        clock.advance(below(1_000));
        const name = `s${below(3)}`;
        const old = services.get(name);
        const kind = below(10);
        if (old === undefined || kind < 2) {
          const ports = [1, 2, 3, 4, 5].filter(() => rng.next() < 0.6);
          services.set(name, web(ports.length === 0 ? [1] : ports, index, name));
        } else if (kind === 2) services.delete(name);
        else {
          const { id } = old.node[below(old.node.length)]!;
          const status = below(2) === 0 ? (0 as const) : (1 as const);
          services.set(name, withFound(old, id, { status, sinceMs: clock.wallMs(), kept: rng.next() < 0.1 }));
        }
        followed.take(name, services.get(name) ?? null);
        if (below(20) === 0) followed.load([...services.values()]);
        const fresh = new Instances(clock);
        fresh.load([...services.values()]);
        expect(sorted(followed)).toEqual(sorted(fresh));
      }
    }
  });
});

describe("when an instance changed last", () => {
  const since = (clock: ManualClock, agoMs: number) => ({ status: 1 as const, sinceMs: clock.wallMs() - agoMs });

  it("is when this node saw it, whatever the wall clocks say, and stays that when something else changes", () => {
    const clock = new ManualClock();
    const instances = new Instances(clock);
    const service = web([1], 5);
    instances.load([service]);
    expect(instances.get("web/1")!.changedMs).toBe(Number.NEGATIVE_INFINITY);
    clock.advance(1_000);
    const passing = withFound(service, "1", since(clock, -3_600_000));
    instances.take("web", passing);
    expect(instances.get("web/1")!.changedMs).toBe(1_000);
    clock.advance(1_000);
    instances.take("web", withFound(passing, "1", { mode: "draining" }));
    expect(instances.get("web/1")!.changedMs).toBe(1_000);
    instances.take("web", { ...withFound(passing, "1", { priority: "7" }), definedIndex: 6 });
    expect(instances.get("web/1")!.changedMs).toBe(1_000);
  });

  it("is another time for another status, also while log time stands still", () => {
    const clock = new ManualClock();
    const instances = new Instances(clock);
    const service = web([1], 5);
    instances.take("web", withFound(service, "1", { status: 1, sinceMs: 7 }));
    clock.advance(500);
    instances.take("web", withFound(service, "1", { status: 0, sinceMs: 7 }));
    expect(instances.get("web/1")!.changedMs).toBe(500);
  });

  it("is told by log time for what changed before this node looked on, and is never in the future", () => {
    const clock = new ManualClock();
    clock.advance(10_000);
    const instances = new Instances(clock);
    instances.load([withFound(web([1], 5), "1", since(clock, 3_000))]);
    expect(instances.get("web/1")!.changedMs).toBe(7_000);
    const ahead = new Instances(clock);
    ahead.load([withFound(web([1], 5), "1", since(clock, -3_600_000))]);
    expect(ahead.get("web/1")!.changedMs).toBe(10_000);
  });
});
