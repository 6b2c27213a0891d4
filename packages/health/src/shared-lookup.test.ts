import { ManualClock } from "@dister/types/testing";
import { expect, test } from "vitest";
import { sharedLookup } from "./shared-lookup.ts";

function slow() {
  const clock = new ManualClock();
  const asked: string[] = [];
  const answers: PromiseWithResolvers<{ address: string; family: number }[]>[] = [];
  const lookup = sharedLookup((name) => {
    asked.push(name);
    const answer = Promise.withResolvers<{ address: string; family: number }[]>();
    answers.push(answer);
    return answer.promise;
  }, clock);
  /** The question at this place fails after so long. */
  const fail = async (at: number, afterMs: number, failed: Promise<unknown>): Promise<void> => {
    clock.advance(afterMs);
    answers[at]!.reject(new Error("EAI_AGAIN"));
    await expect(failed).rejects.toThrow("EAI_AGAIN");
  };
  return { asked, answers, lookup, fail };
}

test("a name that is being resolved is not asked for again, and all who asked get the answer", async () => {
  const { asked, answers, lookup } = slow();
  const all = [lookup("silent"), lookup("silent"), lookup("other"), lookup("silent")];
  expect(asked).toEqual(["silent", "other"]);
  answers[0]!.resolve([{ address: "10.0.0.1", family: 4 }]);
  answers[1]!.resolve([{ address: "10.0.0.2", family: 4 }]);
  const found = (await Promise.all(all)).map(([first]) => first?.address);
  expect(found).toEqual(["10.0.0.1", "10.0.0.1", "10.0.0.2", "10.0.0.1"]);
});

test("an answer is kept for nobody who asks later, be it an error", async () => {
  const { asked, answers, lookup } = slow();
  const first = lookup("name");
  answers[0]!.reject(new Error("ENOTFOUND"));
  await expect(first).rejects.toThrow("ENOTFOUND");
  const second = lookup("name");
  answers[1]!.resolve([]);
  expect(await second).toEqual([]);
  expect(asked).toEqual(["name", "name"]);
});

test("names whose servers were silent wait for one another, and nobody else waits for them", async () => {
  const { asked, answers, lookup, fail } = slow();
  const first = [lookup("a"), lookup("b")];
  await fail(0, 5_000, first[0]!);
  await fail(1, 0, first[1]!);
  asked.length = 0;
  const second = [lookup("a"), lookup("b"), lookup("quick")];
  await Promise.resolve();
  expect(asked).toEqual(["quick", "a"]);
  await fail(3, 5_000, second[0]!);
  expect(asked).toEqual(["quick", "a", "b"]);
  answers[4]!.resolve([{ address: "10.0.0.1", family: 4 }]);
  await second[1];
  // Its servers speak again: it waits for nobody, not even behind one that is silent still.
  const third = [lookup("a"), lookup("b")];
  await Promise.resolve();
  expect(asked).toEqual(["quick", "a", "b", "b", "a"]);
  answers[5]!.resolve([]);
  answers[6]!.resolve([]);
  await Promise.all(third);
});

test("a name that is not there, as is said at once, waits for nobody", async () => {
  const { asked, lookup, fail } = slow();
  await fail(0, 20, lookup("a"));
  await fail(1, 20, lookup("b"));
  void [lookup("a"), lookup("b")];
  expect(asked).toEqual(["a", "b", "a", "b"]);
});
