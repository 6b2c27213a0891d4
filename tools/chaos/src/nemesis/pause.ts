import { rest } from "../rest.ts";
import { drawNodes, type Nemesis, type NemesisContext, type Target } from "./nemesis.ts";

const TARGETS: readonly Target[] = ["leader", "leader", "leader", "one", "minority", "majority", "all"];
const PAUSE_MS_MIN = 50;
const PAUSE_MS_MAX = 15_000;

/** SIGSTOP and, after 0.05 to 15 seconds, SIGCONT: a process that the machine has forgotten, and that then goes on. */
export const pause: Nemesis = {
  name: "pause",
  unavailable: () => undefined,

  async act(context: NemesisContext): Promise<string | undefined> {
    const { chance, signal } = context;
    const target = chance.one(TARGETS);
    const nodes = await drawNodes(context, target, (node) => node.daemon !== undefined);
    const daemons = nodes.flatMap(({ daemon }) => daemon ?? []);
    if (daemons.length === 0) return undefined;
    for (const daemon of daemons) daemon.signal("SIGSTOP");
    await rest(chance.magnitude(PAUSE_MS_MIN, PAUSE_MS_MAX), signal);
    for (const daemon of daemons) daemon.signal("SIGCONT");
    return target;
  },
};
