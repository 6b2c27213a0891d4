import { between } from "../network/link.ts";
import { rest } from "../rest.ts";
import { needsLinux } from "./needs-linux.ts";
import type { Nemesis, NemesisContext } from "./nemesis.ts";

/** Two halves that do not see each other, and one node that sees both. */
export const bridge: Nemesis = {
  name: "bridge",
  unavailable: (cluster) => needsLinux() ?? (cluster.size < 3 ? "it takes three nodes" : undefined),

  async act({ cluster, chance, signal }: NemesisContext): Promise<string | undefined> {
    const [, ...others] = chance.some(
      cluster.nodes.map(({ position }) => position),
      cluster.size,
    );
    const half = Math.ceil(others.length / 2);
    const undo = cluster.links.add(between(others.slice(0, half), others.slice(half)), { cut: true });
    await rest(chance.magnitude(300, 10_000), signal);
    undo();
    return "one sees both halves";
  },
};
