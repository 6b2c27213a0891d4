import type { Service } from "@dister/types";
import { ManualClock, serviceOf } from "@dister/types/testing";
import { describe, expect, it } from "vitest";
import { AskedLatencies, type LatenciesCall, latenciesReply } from "./asked-latencies.ts";

function service(definedIndex: number, name = "db", count = 2): Service {
  const node = Array.from({ length: count }, (_, at) => ({ host: "h", port: at + 1 }));
  return serviceOf({ name, type: "tcp", node }, { definedIndex });
}

describe("latencies of another node", () => {
  function asking(answer: (call: LatenciesCall) => readonly (number | null)[]) {
    const clock = new ManualClock();
    const asked: LatenciesCall[] = [];
    const latencies = new AskedLatencies(clock, async (call) => {
      asked.push(call);
      return { latenciesMs: answer(call) };
    });
    return { clock, asked, latencies };
  }

  it("are asked for once a second and service, however many want them at once", async () => {
    const { clock, asked, latencies } = asking(() => [3, null]);
    const answers = await Promise.all([1, 2, 3].map(() => latencies.of(service(5))));
    expect(answers).toEqual(Array(3).fill([3, undefined]));
    expect(asked).toEqual([{ name: "db", definedIndex: 5 }]);
    await latencies.of(service(5, "other"));
    expect(asked).toHaveLength(2);
    clock.advance(999);
    await latencies.of(service(5));
    expect(asked).toHaveLength(2);
    clock.advance(1);
    await latencies.of(service(5));
    expect(asked).toHaveLength(3);
  });

  it("are asked for again at once when the service was defined anew", async () => {
    const { asked, latencies } = asking(({ definedIndex }) => [definedIndex]);
    await latencies.of(service(5));
    expect(await latencies.of(service(6))).toEqual([6]);
    expect(asked).toHaveLength(2);
  });

  it("are unknown when nobody answers, or not what was asked; that is not asked again for a second either", async () => {
    for (const answer of [undefined, null, {}, { latenciesMs: "fast" }, { latenciesMs: [Number.NaN, -1, "5", {}] }]) {
      let asked = 0;
      const latencies = new AskedLatencies(new ManualClock(), async () => {
        asked++;
        if (answer === undefined) throw new Error("no leader");
        return answer as { latenciesMs: number[] };
      });
      const known = await latencies.of(service(5));
      expect(known.filter((latency) => latency !== undefined)).toEqual([]);
      await latencies.of(service(5));
      expect(asked).toBe(1);
    }
  });

  it("are told for the definition that was asked for only", () => {
    const call = { name: "db", definedIndex: 5 };
    expect(latenciesReply(service(5), call, [1, undefined])).toEqual({ latenciesMs: [1, null] });
    expect(latenciesReply(service(6), call, [1, undefined])).toEqual({ latenciesMs: [] });
  });
});
