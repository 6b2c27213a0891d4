import { between } from "../network/link.ts";
import { rest } from "../rest.ts";
import { needsLinux } from "./needs-linux.ts";
import type { Nemesis, NemesisContext } from "./nemesis.ts";

/** For some seconds connections break and links fall silent for moments, here and there. */
export const flakyLinks: Nemesis = {
  name: "flaky-links",
  unavailable: needsLinux,

  async act({ cluster, chance, signal }: NemesisContext): Promise<string | undefined> {
    const all = cluster.nodes.map(({ position }) => position);
    const every = between(all, all).filter(({ from, to }) => from < to);
    const endMs = performance.now() + chance.whole(1_500, 6_000);
    let resets = 0;
    while (performance.now() < endMs && !signal.aborted) {
      const { from, to } = chance.one(every);
      if (chance.is(0.5)) resets += cluster.network.reset(between([from], [to]));
      else {
        const undo = cluster.links.add(between([from], [to]), { cut: true });
        await rest(chance.magnitude(20, 800), signal);
        undo();
      }
      await rest(chance.magnitude(20, 400), signal);
    }
    return resets === 0 ? "silences" : "silences and resets";
  },
};
