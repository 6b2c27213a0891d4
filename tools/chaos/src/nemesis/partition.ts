import { between, type Direction } from "../network/link.ts";
import { rest } from "../rest.ts";
import { needsLinux } from "./needs-linux.ts";
import { drawNodes, type Nemesis, type NemesisContext } from "./nemesis.ts";

const SHAPES = ["leader alone", "leader alone", "halves", "one alone", "shattered"] as const;

/** Both directions between two groups, or between everybody, are cut; what was under way passes when they heal. */
export const partition: Nemesis = {
  name: "partition",
  unavailable: needsLinux,

  async act(context: NemesisContext): Promise<string | undefined> {
    const { cluster, chance, signal } = context;
    const shape = chance.one(SHAPES);
    const undo = cluster.links.add(await cutFor(context, shape), { cut: true });
    await rest(chance.magnitude(200, 10_000), signal);
    undo();
    return shape;
  },
};

async function cutFor(context: NemesisContext, shape: (typeof SHAPES)[number]): Promise<Direction[]> {
  const { cluster, chance } = context;
  const all = cluster.nodes.map(({ position }) => position);
  if (shape === "shattered") return between(all, all).filter(({ from, to }) => from !== to);
  const alone =
    shape === "halves"
      ? chance.some(all, Math.max(1, cluster.minority))
      : (await drawNodes(context, shape === "leader alone" ? "leader" : "one", () => true)).map(
          (node) => node.position,
        );
  return between(
    alone,
    all.filter((position) => !alone.includes(position)),
  );
}
