import { type Service, type ServiceInstance, STATUS } from "@dister/types";
import { ManualClock, SeededRng, serviceOf } from "@dister/types/testing";
import { describe, expect, it } from "vitest";
import { ServiceBalancers } from "./service-balancers.ts";

/** A service whose nodes, by port, are alive. */
function service(ports: readonly number[], modifyIndex = 1): Service {
  const node = ports.map((port) => ({ host: "h", port }));
  return serviceOf({ name: "s", type: "tcp", node }, { status: STATUS.alive, checked: true, modifyIndex });
}
const weights = (balancers: ServiceBalancers, latenciesMs: readonly number[]): number[] =>
  balancers
    .of(service([1, 2]), { policy: "latency", latenciesMs })
    .explain()
    .candidates.map(({ effectiveWeight }) => effectiveWeight);

it("latencies that change count at once, though the service did not change", () => {
  const balancers = new ServiceBalancers(new SeededRng(1), new ManualClock());
  expect(weights(balancers, [10, 10])).toEqual([100, 100]);
  expect(weights(balancers, [10, 40])).toEqual([100, 25]);
  expect(weights(balancers, [])).toEqual([100, 100]);
});

it("turns go on by the address when the service changes, and begin anew when it was removed", () => {
  const balancers = new ServiceBalancers(new SeededRng(1), new ManualClock());
  const next = (of: Service): string | undefined =>
    balancers.of(of, { policy: "round-robin" }).pick()?.port ?? undefined;
  expect([next(service([1, 2, 3])), next(service([1, 2, 3]))]).toEqual(["1", "2"]);
  expect(next(service([4, 3, 2, 1], 2))).toBe("3");
  balancers.changed("s", null);
  expect(next(service([1, 2, 3], 3))).toBe("1");
});

describe("slow start", () => {
  const node = [1, 2].map((port) => ({ host: "h", port }));
  const alive = { status: STATUS.alive, checked: true } as const;
  const old = serviceOf({ name: "s", type: "tcp", node, slowstart: 10_000 }, { ...alive, sinceMs: 1 });

  /** A node that follows the service, of which only the first instance changes. */
  class Follower {
    readonly clock = new ManualClock();
    readonly #balancers = new ServiceBalancers(new SeededRng(1), this.clock);
    #service = old;

    /** The service changes, and nobody asks. */
    hears(first: Partial<ServiceInstance>): void {
      const node = [{ ...this.#service.node[0]!, ...first }, old.node[1]!];
      this.#service = { ...this.#service, node, modifyIndex: this.#service.modifyIndex + 1 };
      this.#balancers.changed("s", this.#service);
    }

    /** It is registered anew, in another order. */
    hearsItTurned(): void {
      const [modifyIndex, node] = [this.#service.modifyIndex + 1, [...this.#service.node].reverse()];
      this.#service = { ...this.#service, node, modifyIndex, definedIndex: modifyIndex };
      this.#balancers.changed("s", this.#service);
    }

    weights(): number[] {
      const { candidates } = this.#balancers.of(this.#service, { policy: "priority" }).explain();
      return candidates.map(({ effectiveWeight }) => Math.round(effectiveWeight));
    }

    ramp(): number[] {
      return [0, 5_000, 5_000].map((passesMs) => {
        this.clock.advance(passesMs);
        return this.weights()[0]!;
      });
    }
  }

  it("gives an instance that recovered its weight back in its time", () => {
    const follower = new Follower();
    follower.hears({ sinceMs: follower.clock.wallMs() });
    expect(follower.weights()).toEqual([10, 100]);
    expect(follower.ramp()).toEqual([10, 55, 100]);
  });

  it.each([-3_600_000, -10_000, 10_000, 3_600_000])(
    "takes its time though the clock of the one who leads differs by %i ms",
    (skewMs) => {
      const follower = new Follower();
      follower.hears({ status: STATUS.dead, sinceMs: follower.clock.wallMs() + skewMs });
      follower.clock.advance(20_000);
      follower.hears({ ...alive, sinceMs: follower.clock.wallMs() + skewMs });
      expect(follower.ramp()).toEqual([10, 55, 100]);
    },
  );

  it("ends in its time when this node first looks with a clock that is behind, and asks for no clock while it goes on", () => {
    const follower = new Follower();
    follower.hears({ sinceMs: follower.clock.wallMs() + 3_600_000 });
    expect(follower.weights()).toEqual([10, 100]);
    follower.clock.advance(5_000);
    follower.clock.jumpWall(-86_400_000);
    expect(follower.weights()).toEqual([55, 100]);
    follower.hears({ tags: ["another"] });
    expect(follower.weights()).toEqual([55, 100]);
    follower.clock.advance(5_000);
    expect(follower.weights()).toEqual([100, 100]);
  });

  it("goes on when the service is registered again in another order", () => {
    const follower = new Follower();
    follower.hears({ status: STATUS.dead });
    follower.hears({ ...alive, sinceMs: follower.clock.wallMs() + 3_600_000 });
    follower.clock.advance(5_000);
    follower.hearsItTurned();
    expect(follower.weights()).toEqual([100, 55]);
  });

  it("begins again with each recovery, also while log time stands still", () => {
    const follower = new Follower();
    const sinceMs = follower.clock.wallMs();
    follower.hears({ sinceMs });
    expect(follower.ramp()).toEqual([10, 55, 100]);
    follower.hears({ status: STATUS.dead, sinceMs });
    follower.hears({ ...alive, sinceMs });
    expect(follower.ramp()).toEqual([10, 55, 100]);
  });

  it("begins also where this node did not see the failure before the recovery", () => {
    const follower = new Follower();
    follower.hears({});
    follower.clock.advance(60_000);
    follower.hears({ sinceMs: follower.clock.wallMs() - 30_000 });
    expect(follower.ramp()).toEqual([10, 55, 100]);
  });

  it("is not for one that was used all along, though nobody asked: kept by a protection, or used before its first check", () => {
    for (const before of [
      { status: STATUS.dead, kept: true },
      { checked: false, sinceMs: 0 },
    ]) {
      const follower = new Follower();
      follower.hears(before);
      follower.clock.advance(60_000);
      follower.hears({ ...alive, kept: false, sinceMs: follower.clock.wallMs() });
      expect(follower.weights()).toEqual([100, 100]);
    }
  });

  it("is not for one whose protection ended when others were back, and that the next checks found to be back as well", () => {
    const follower = new Follower();
    follower.hears({ status: STATUS.dead, kept: true, interval: "10000", rise: "2", timeout: "1000" });
    follower.clock.advance(60_000);
    follower.hears({ kept: false });
    follower.clock.advance(20_000);
    follower.hearsItTurned();
    follower.hearsItTurned();
    follower.hears({ ...alive, sinceMs: follower.clock.wallMs() });
    expect(follower.weights()).toEqual([100, 100]);
  });

  it("is for one that was taken out of use in between: by the end of the protection for long, by an operator, or as it is another one", () => {
    for (const [between, forMs] of [
      [{ kept: false }, 30_000],
      [{ kept: false, mode: "draining" }, 0],
      [{ kept: false, checked: false, sinceMs: 0, definedIndex: 9, port: "9" }, 0],
    ] as const) {
      const follower = new Follower();
      follower.hears({ status: STATUS.dead, kept: true });
      follower.hears(between);
      follower.clock.advance(forMs);
      follower.hears({ ...alive, mode: "active", sinceMs: follower.clock.wallMs() });
      expect(follower.ramp()).toEqual([10, 55, 100]);
    }
  });

  it("is for one that falls again behind a protection that kept it", () => {
    const follower = new Follower();
    follower.hears({ status: STATUS.dead, kept: true });
    follower.hears({ kept: false });
    follower.hears({ ...alive, sinceMs: follower.clock.wallMs() });
    expect(follower.weights()).toEqual([100, 100]);
    follower.hears({ status: STATUS.dead });
    follower.hears({ ...alive, sinceMs: follower.clock.wallMs() + 1 });
    expect(follower.ramp()).toEqual([10, 55, 100]);
  });

  it("is for one that was unknown and not used", () => {
    const follower = new Follower();
    follower.hears({ status: STATUS.dead, checked: false, sinceMs: 0 });
    follower.hears({ ...alive, sinceMs: follower.clock.wallMs() });
    expect(follower.ramp()).toEqual([10, 55, 100]);
  });
});

it("with policy first, who has the foremost tag comes first, each time in the order that was asked for", () => {
  const balancers = new ServiceBalancers(new SeededRng(1), new ManualClock());
  const node = ["x", "y"].map((tag, at) => ({ host: "h", port: at + 1, tags: [tag] }));
  const of = serviceOf({ name: "s", type: "tcp", node }, { status: STATUS.alive, checked: true });
  const first = (tagOrder: string[]) => balancers.of(of, { policy: "first", tagOrder }).pick()?.id;
  expect([first(["y", "x"]), first(["x"]), first(["y"]), first(["none"])]).toEqual(["h:2", "h:1", "h:2", "h:1"]);
});

it("reads the instances once for an order of tags that is asked for again, and keeps a few orders only", () => {
  const balancers = new ServiceBalancers(new SeededRng(1), new ManualClock());
  const by = (...tagOrder: string[]) => balancers.of(service([1, 2]), { policy: "first", tagOrder });
  const turns = balancers.of(service([1, 2]), { policy: "round-robin" });
  expect(by("a", "b")).toBe(by("a", "b"));
  expect(by("a", "b")).not.toBe(by("a"));
  expect(by("")).not.toBe(balancers.of(service([1, 2]), { policy: "first" }));
  const first = by("first");
  for (let nth = 0; nth < 100; nth++) by(`t${nth}`);
  expect(by("t99")).toBe(by("t99"));
  expect(by("first")).not.toBe(first);
  expect(balancers.of(service([1, 2]), { policy: "round-robin" })).toBe(turns);
});
