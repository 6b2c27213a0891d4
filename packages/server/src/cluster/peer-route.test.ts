import { describe, expect, it } from "vitest";
import { PeerRoute } from "./peer-route.ts";

const down = (nowMs: number): { isUp: boolean; nowMs: number } => ({ isUp: false, nowMs });
const up = (nowMs: number): { isUp: boolean; nowMs: number } => ({ isUp: true, nowMs });

/** Which host is in use at each step of time, as changes only. */
function path(route: PeerRoute, untilMs: number, isUp: (host: string, nowMs: number) => boolean): string[] {
  const seen = [route.current];
  for (let nowMs = 0; nowMs <= untilMs; nowMs += 100) {
    route.look({ isUp: isUp(route.current, nowMs), nowMs });
    if (route.current !== seen.at(-1)) seen.push(route.current);
  }
  return seen;
}

describe("the route to a node with several addresses", () => {
  it("never leaves an address that works, whatever else is offered or preferred", () => {
    const route = new PeerRoute("a", 0);
    route.offer("b");
    route.prefer("c", up(0));
    expect(path(route, 600_000, () => true)).toEqual(["a"]);
  });

  it("tries each address in turn when none works, and stays at the one that does", () => {
    const route = new PeerRoute("a", 0);
    for (const host of ["b", "c"]) route.offer(host);
    expect(path(route, 60_000, (host, nowMs) => nowMs > 10_000 && host === "c").slice(0, 5)).toEqual([
      "a",
      "b",
      "c",
      "a",
      "b",
    ]);
    expect(route.current).toBe("c");
  });

  it("stays where it worked last for a while when the connection breaks, so that a restart changes nothing", () => {
    const route = new PeerRoute("a", 0);
    route.offer("b");
    expect(path(route, 20_000, (_host, nowMs) => nowMs < 10_000 || nowMs > 10_800)).toEqual(["a"]);
  });

  it("goes to where the node was heard at once when nothing works, before the others when something did", () => {
    const atOnce = new PeerRoute("a", 0);
    atOnce.offer("b");
    atOnce.prefer("c", down(500));
    expect(atOnce.current).toBe("c");
    const later = new PeerRoute("a", 0);
    later.offer("b");
    later.prefer("c", up(500));
    expect(later.current).toBe("a");
    expect(path(later, 5_000, (host, nowMs) => (host === "a" ? nowMs < 1_000 : host === "c"))).toEqual(["a", "c"]);
  });

  it("does not come back at once to an address that has just failed, however often the node is heard there", () => {
    const route = new PeerRoute("seen", 0);
    route.offer("reached");
    const used = new Set<string>();
    let isUp = false;
    for (let nowMs = 0; nowMs <= 10_000 && !isUp; nowMs += 100) {
      route.prefer("seen", down(nowMs));
      route.look(down(nowMs));
      used.add(route.current);
      isUp = route.current === "reached" && nowMs > 3_000;
    }
    expect([...used].sort()).toEqual(["reached", "seen"]);
    expect(isUp).toBe(true);
  });

  it("changes ever less often while nothing answers: each change begins the waits of the transport anew", () => {
    const route = new PeerRoute("a", 0);
    route.offer("b");
    expect(path(route, 15_000, () => false).length - 1).toBeLessThanOrEqual(7);
    const before = path(route, 15_000, () => false).length;
    expect(before).toBeLessThanOrEqual(4);
  });

  it("keeps eight addresses at most, and never drops the one in use", () => {
    const route = new PeerRoute("a", 0);
    for (let i = 0; i < 100; i++) route.offer(`h${i}`);
    expect(route.hosts).toHaveLength(8);
    expect(route.hosts).toContain("a");
    expect(route.hosts).toContain("h99");
  });
});
