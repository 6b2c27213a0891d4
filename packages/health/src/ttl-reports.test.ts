import { ManualClock } from "@dister/types/testing";
import { expect, test } from "vitest";
import { TtlReports } from "./ttl-reports.ts";

function scene() {
  const clock = new ManualClock();
  const reports = new TtlReports(clock);
  const check = () => reports.check({ key: "a", ttlMs: 1_000 });
  return { clock, reports, check };
}

test("a report counts for its time and no longer, whatever the wall clock does", () => {
  const { clock, reports, check } = scene();
  reports.report("a", true);
  clock.advance(1_000);
  clock.jumpWall(-86_400_000);
  expect(check()).toMatchObject({ ok: true, output: "reported alive" });
  clock.advance(1);
  expect(check()).toMatchObject({ ok: false, output: "no report within 1000 ms" });
  reports.report("a", true);
  expect(check()).toMatchObject({ ok: true });
});

test("an application that reports itself dead is dead at once", () => {
  const { reports, check } = scene();
  reports.report("a", true);
  reports.report("a", false);
  expect(check()).toMatchObject({ ok: false, output: "reported dead" });
});

test("without any report nothing is found out for the time of one, and it is dead behind that", () => {
  const { clock, check } = scene();
  expect(check()).toBeNull();
  clock.advance(1_000);
  expect(check()).toBeNull();
  clock.advance(1);
  expect(check()).toMatchObject({ ok: false, output: "no report yet" });
});

test("what is not kept is forgotten", () => {
  const { reports, check } = scene();
  reports.report("a", true);
  reports.keep(new Set(["a"]));
  expect(check()).toMatchObject({ ok: true });
  reports.keep(new Set(["b"]));
  expect(check()).toBeNull();
});
