import { type Service, STATUS } from "@dister/types";
import { ManualClock, SeededRng, serviceOf } from "@dister/types/testing";
import { expect, it } from "vitest";
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
  balancers.forget("s");
  expect(next(service([1, 2, 3], 3))).toBe("1");
});

it("an instance that recovered gets its weight back slowly, where the service says so", () => {
  const clock = new ManualClock();
  const balancers = new ServiceBalancers(new SeededRng(1), clock);
  const node = [1, 2].map((port) => ({ host: "h", port }));
  const of = serviceOf({ name: "s", type: "tcp", node, slowstart: 10_000 }, { status: STATUS.alive, checked: true });
  const recovered = { ...of, node: [{ ...of.node[0]!, sinceMs: clock.wallMs() }, of.node[1]!] };
  const weights = (): number[] =>
    balancers
      .of(recovered, { policy: "priority" })
      .explain()
      .candidates.map(({ effectiveWeight }) => Math.round(effectiveWeight));
  expect(weights()).toEqual([10, 100]);
  clock.advance(5_000);
  expect(weights()).toEqual([55, 100]);
  clock.advance(5_000);
  expect(weights()).toEqual([100, 100]);
});

it("with policy first, who has the foremost tag comes first, each time in the order that was asked for", () => {
  const balancers = new ServiceBalancers(new SeededRng(1), new ManualClock());
  const node = ["x", "y"].map((tag, at) => ({ host: "h", port: at + 1, tags: [tag] }));
  const of = serviceOf({ name: "s", type: "tcp", node }, { status: STATUS.alive, checked: true });
  const first = (tagOrder: string[]) => balancers.of(of, { policy: "first", tagOrder }).pick()?.id;
  expect([first(["y", "x"]), first(["x"]), first(["y"]), first(["none"])]).toEqual(["h:2", "h:1", "h:2", "h:1"]);
});
