import { expect, it } from "vitest";
import { CommitTimes } from "./commit-times.ts";

function times(): { subject: CommitTimes; done: number[] } {
  const done: number[] = [];
  return { subject: new CommitTimes((ms) => done.push(ms)), done };
}

it("measures each proposal from its own time, when its index is committed", () => {
  const { subject, done } = times();
  subject.proposed(4, 10);
  subject.proposed(5, 12);
  subject.proposed(7, 13);
  subject.committed(3, 14);
  expect(done).toEqual([]);
  subject.committed(5, 20);
  expect(done).toEqual([10, 8]);
  subject.committed(9, 30);
  expect(done).toEqual([10, 8, 17]);
});

it("measures nothing of what was open when the leadership ended", () => {
  const { subject, done } = times();
  subject.proposed(4, 10);
  subject.forget();
  subject.committed(4, 20);
  subject.proposed(5, 30);
  subject.committed(5, 31);
  expect(done).toEqual([1]);
});

it("goes on measuring behind a backlog that was larger than what it keeps", () => {
  const { subject, done } = times();
  for (let index = 1; index <= 100_000; index++) subject.proposed(index, 0);
  for (let index = 100; index <= 100_000; index += 100) subject.committed(index, 5);
  expect(done).toHaveLength(65_536);
  subject.proposed(100_001, 7);
  subject.committed(100_001, 9);
  expect(done.at(-1)).toBe(2);
});
