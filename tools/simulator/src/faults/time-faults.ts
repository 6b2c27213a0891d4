import type { DoFault } from "./do-fault.ts";
import { whomOf } from "./process-faults.ts";

export const TIME_FAULTS = {
  "time.rate": (cluster, fault) => {
    const { clock, name } = whomOf(cluster, fault);
    clock.setRate(0.5 + 1.5 * fault.how);
    cluster.world.coverage.reached("clock ran wrong");
    cluster.world.after(fault.forMs, `clock of ${name} runs right`, () => clock.setRate(1));
  },
  "time.jump": (cluster, fault) => {
    whomOf(cluster, fault).clock.jumpWall((fault.how - 0.5) * 4 * 3_600_000);
    cluster.world.coverage.reached("clock ran wrong");
  },
} as const satisfies Record<string, DoFault>;
