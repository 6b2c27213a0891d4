import type { Direction } from "../network/link.ts";
import { rest } from "../rest.ts";
import { needsLinux } from "./needs-linux.ts";
import { drawNodes, type Nemesis, type NemesisContext } from "./nemesis.ts";

/** One direction is cut and the other is not: a node that is heard and hears nothing, or the reverse. */
export const oneWay: Nemesis = {
  name: "one-way",
  unavailable: needsLinux,

  async act(context: NemesisContext): Promise<string | undefined> {
    const { cluster, chance, signal } = context;
    const target = chance.is(0.6) ? "leader" : "one";
    const [node] = await drawNodes(context, target, () => true);
    const isDeaf = chance.is(0.5);
    const others = cluster.nodes.filter((other) => other !== node).map(({ position }) => position);
    const towards = chance.is(0.5) ? others : chance.some(others, 1);
    const directions = towards.map(
      (other): Direction => (isDeaf ? { from: other, to: node!.position } : { from: node!.position, to: other }),
    );
    const undo = cluster.links.add(directions, { cut: true });
    await rest(chance.magnitude(200, 10_000), signal);
    undo();
    return `${target} ${isDeaf ? "deaf" : "mute"}`;
  },
};
