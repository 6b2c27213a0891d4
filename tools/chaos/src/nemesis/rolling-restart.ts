import { rest } from "../rest.ts";
import type { Nemesis, NemesisContext } from "./nemesis.ts";

/** Every node in turn is asked to stop, and started again when it has. */
export const rollingRestart: Nemesis = {
  name: "rolling-restart",
  unavailable: () => undefined,

  async act({ cluster, chance, signal }: NemesisContext): Promise<string | undefined> {
    let count = 0;
    for (const node of chance.some(cluster.nodes, cluster.size)) {
      if (signal.aborted) break;
      if (node.daemon === undefined || !node.claim()) continue;
      try {
        await node.end("SIGTERM");
        await rest(chance.magnitude(20, 500), signal);
        node.start();
        count++;
      } finally {
        node.release();
      }
      await rest(chance.magnitude(200, 1_500), signal);
    }
    return count === 0 ? undefined : "each in turn";
  },
};
