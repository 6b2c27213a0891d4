import { describe, expect, it } from "vitest";
import { Progress } from "./progress.ts";

function replicating(next = 1): Progress {
  const progress = new Progress(next, 0);
  progress.becomeReplicate(0);
  return progress;
}

describe("Progress", () => {
  it("R11: in probe one message at a time, and next stays where it is until the answer", () => {
    const progress = new Progress(7, 0);
    expect(progress.canSend(9)).toBe(true);
    progress.sent(12);
    expect(progress).toMatchObject({ next: 7, paused: true });
    expect(progress.canSend(9)).toBe(false);
  });

  it("R11: in replicate a window of messages, and next runs ahead", () => {
    const progress = replicating();
    for (const last of [3, 5, 9]) progress.sent(last);
    expect(progress.next).toBe(10);
    expect([progress.canSend(3), progress.canSend(4)]).toEqual([false, true]);
    progress.acknowledged(5, 1);
    expect(progress.inflight).toEqual([9]);
    expect(progress).toMatchObject({ match: 5, next: 10, progressMs: 1 });
  });

  it("R10: an old answer changes nothing, a doubled one is no news", () => {
    const progress = replicating();
    progress.sent(5);
    expect(progress.acknowledged(5, 1)).toBe(true);
    expect(progress.acknowledged(5, 2)).toBe(false);
    expect(progress.acknowledged(3, 2)).toBe(false);
    expect(progress).toMatchObject({ match: 5, next: 6, progressMs: 1 });
  });

  it("S1: in snapshot nothing may be sent, however large the window", () => {
    const progress = replicating();
    progress.sent(4);
    progress.becomeSnapshot();
    expect(progress.canSend(99)).toBe(false);
    expect(progress.inflight).toEqual([]);
  });

  it("R10: going back to probe begins behind match and never before it", () => {
    const progress = replicating();
    progress.sent(4);
    progress.acknowledged(4, 1);
    progress.sent(9);
    progress.becomeProbe(2);
    expect(progress).toMatchObject({ state: "probe", match: 4, next: 5, paused: false });
  });
});
