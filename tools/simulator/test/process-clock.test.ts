import { expect, test } from "vitest";
import { MachineClock } from "../src/world/process-clock.ts";
import { Trace } from "../src/world/trace.ts";
import { World } from "../src/world/world.ts";

test("who waits again for what is not quite due yet comes to an end, however little is left", async () => {
  const world = new World(1, new Trace(false));
  const machine = new MachineClock(world, "n", -2_000);
  const clock = machine.inside((run) => run());
  world.after(2_203.717, "begin", () => {
    // The clock of the process, which shows a smaller number, can tell these apart; true time cannot.
    const dueMs = clock.nowMs() + 2 ** -44;
    const wait = (): void => {
      if (clock.nowMs() < dueMs) clock.setTimer(dueMs - clock.nowMs(), wait);
    };
    wait();
    expect(clock.nowMs()).toBeLessThan(dueMs);
  });
  await world.run(3_000);
  expect(world.events).toBe(2);
});
