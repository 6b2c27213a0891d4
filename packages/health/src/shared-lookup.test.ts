import { expect, test } from "vitest";
import { sharedLookup } from "./shared-lookup.ts";

function slow() {
  const asked: string[] = [];
  const answers: PromiseWithResolvers<{ address: string; family: number }[]>[] = [];
  const lookup = sharedLookup((name) => {
    asked.push(name);
    const answer = Promise.withResolvers<{ address: string; family: number }[]>();
    answers.push(answer);
    return answer.promise;
  });
  return { asked, answers, lookup };
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
