import { describe, expect, it } from "vitest";
import { between, Links } from "./link.ts";

describe("directed links", () => {
  it("have every fault that was added to their direction and none of the other one", () => {
    const links = new Links();
    links.add([{ from: 0, to: 1 }], { cut: true });
    links.add([{ from: 0, to: 1 }], { delayMs: 20, jitterMs: 5, bytesPerSecond: 1_000 });
    links.add([{ from: 0, to: 1 }], { delayMs: 10, bytesPerSecond: 5_000 });
    expect(links.state({ from: 0, to: 1 })).toEqual({ cut: true, delayMs: 30, jitterMs: 5, bytesPerSecond: 1_000 });
    expect(links.state({ from: 1, to: 0 })).toMatchObject({ cut: false, delayMs: 0 });
  });

  it("stay cut until the last cut is undone, and tell of each change", () => {
    const links = new Links();
    let told = 0;
    links.onChange(() => told++);
    const one = links.add(between([0], [1, 2]), { cut: true });
    const other = links.add([{ from: 2, to: 0 }], { cut: true });
    one();
    expect(links.state({ from: 2, to: 0 }).cut).toBe(true);
    expect(links.state({ from: 0, to: 2 }).cut).toBe(false);
    other();
    expect(links.state({ from: 2, to: 0 }).cut).toBe(false);
    expect(told).toBe(4);
  });
});
