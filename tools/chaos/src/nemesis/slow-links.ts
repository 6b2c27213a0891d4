import { between } from "../network/link.ts";
import { rest } from "../rest.ts";
import { needsLinux } from "./needs-linux.ts";
import { drawNodes, type Nemesis, type NemesisContext } from "./nemesis.ts";

/** Links with a long delay, or with little room. */
export const slowLinks: Nemesis = {
  name: "slow-links",
  unavailable: ({ network }) => needsLinux() ?? (network.isProxy ? undefined : "only the proxy can make links slow"),

  async act(context: NemesisContext): Promise<string | undefined> {
    const { cluster, chance, signal } = context;
    const all = cluster.nodes.map(({ position }) => position);
    const target = chance.one(["leader", "one", "all"] as const);
    const slow = target === "all" ? all : (await drawNodes(context, target, () => true)).map((node) => node.position);
    const directions = between(slow, all).filter(({ from, to }) => from !== to);
    const narrow = chance.is(0.3);
    const fault = narrow
      ? { bytesPerSecond: chance.magnitude(8_000, 400_000) }
      : { delayMs: chance.magnitude(2, 200), jitterMs: chance.magnitude(1, 100) };
    const undo = cluster.links.add(directions, fault);
    await rest(chance.magnitude(1_000, 8_000), signal);
    undo();
    return `${target} ${narrow ? "narrow" : "far"}`;
  },
};
