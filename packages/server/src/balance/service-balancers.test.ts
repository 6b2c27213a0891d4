import { type Service, STATUS } from "@dister/types";
import { ServiceConfigSchema } from "@dister/types/schemas";
import { SeededRng } from "@dister/types/testing";
import { expect, it } from "vitest";
import { ServiceBalancers } from "./service-balancers.ts";

/** A service whose nodes, by port, are alive. */
function service(ports: readonly number[], modifyIndex = 1): Service {
  const node = ports.map((port) => ({ host: "h", port, status: STATUS.alive }));
  return { ...ServiceConfigSchema.parse({ name: "s", type: "tcp", node }), definedIndex: 1, modifyIndex };
}
const weights = (balancers: ServiceBalancers, latenciesMs: readonly number[]): number[] =>
  balancers
    .of(service([1, 2]), "latency", latenciesMs)
    .explain()
    .candidates.map(({ effectiveWeight }) => effectiveWeight);

it("latencies that change count at once, though the service did not change", () => {
  const balancers = new ServiceBalancers(new SeededRng(1));
  expect(weights(balancers, [10, 10])).toEqual([100, 100]);
  expect(weights(balancers, [10, 40])).toEqual([100, 25]);
  expect(weights(balancers, [])).toEqual([100, 100]);
});

it("turns go on by the address when the service changes, and begin anew when it was removed", () => {
  const balancers = new ServiceBalancers(new SeededRng(1));
  const next = (of: Service): string | undefined => balancers.of(of, "round-robin").pick()?.port ?? undefined;
  expect([next(service([1, 2, 3])), next(service([1, 2, 3]))]).toEqual(["1", "2"]);
  expect(next(service([4, 3, 2, 1], 2))).toBe("3");
  balancers.forget("s");
  expect(next(service([1, 2, 3], 3))).toBe("1");
});
