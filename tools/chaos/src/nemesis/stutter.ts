import { rest } from "../rest.ts";
import { drawNodes, type Nemesis, type NemesisContext } from "./nemesis.ts";

/** A process that runs in fits and starts for some seconds, as on a machine that is swapping. */
export const stutter: Nemesis = {
  name: "stutter",
  unavailable: () => undefined,

  async act(context: NemesisContext): Promise<string | undefined> {
    const { chance, signal } = context;
    const target = chance.is(0.6) ? "leader" : "one";
    const [node] = await drawNodes(context, target, ({ daemon }) => daemon !== undefined);
    const daemon = node?.daemon;
    if (daemon === undefined) return undefined;
    const endMs = performance.now() + chance.whole(1_000, 6_000);
    while (performance.now() < endMs && !signal.aborted && !daemon.isOver) {
      daemon.signal("SIGSTOP");
      await rest(chance.magnitude(10, 400), signal);
      daemon.signal("SIGCONT");
      await rest(chance.magnitude(5, 200), signal);
    }
    return target;
  },
};
