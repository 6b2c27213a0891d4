import { rest } from "../rest.ts";
import { drawNodes, type Nemesis, type NemesisContext, type Target } from "./nemesis.ts";

const TARGETS: readonly Target[] = ["one", "leader", "leader", "minority", "majority", "all"];

/** `kill -9`, and a start after a while. */
export const kill: Nemesis = {
  name: "kill",
  unavailable: () => undefined,

  async act(context: NemesisContext): Promise<string | undefined> {
    const { chance, signal } = context;
    const target = chance.one(TARGETS);
    const drawn = await drawNodes(context, target, (node) => node.daemon !== undefined && !node.isClaimed);
    const nodes = drawn.filter((node) => node.claim());
    if (nodes.length === 0) return undefined;
    try {
      await Promise.all(nodes.map((node) => node.end("SIGKILL")));
      const delays = nodes.map(() => chance.magnitude(50, 5_000));
      await Promise.all(
        nodes.map(async (node, i) => {
          await rest(delays[i]!, signal);
          node.start();
        }),
      );
    } finally {
      for (const node of nodes) node.release();
    }
    return target;
  },
};
