import type { Command } from "../command.ts";
import { type InstanceMode, isServed, type ServiceConfig } from "../service.ts";
import { type ReadableStateMachine, runner, type StateReaderSuite } from "./reader-suite.ts";
import { type EntryMaker, someNode, someService } from "./state-entries.ts";
import { expectEqual } from "./suite.ts";

/** One service `s` and what happens to it, one entry each. */
class Story {
  readonly #subject: ReadableStateMachine;
  readonly #make: EntryMaker;
  readonly #startMs: number;
  readonly #settings: Pick<ServiceConfig, "protect">;

  constructor(subject: ReadableStateMachine, make: EntryMaker, settings: Pick<ServiceConfig, "protect"> = {}) {
    this.#subject = subject;
    this.#make = make;
    this.#startMs = make.timeMs;
    this.#settings = settings;
  }

  /** Seconds since the story began. */
  at(seconds: number): this {
    this.#make.timeMs = this.#startMs + seconds * 1_000;
    return this;
  }

  /** Registers instances 1, 2 and so on; all are passing. */
  async begins(count: number): Promise<void> {
    const ports = Array.from({ length: count }, (_, at) => at + 1);
    await this.#apply({ type: "serviceSet", services: [{ ...someService("s", ports), ...this.#settings }] });
    await this.recover(...ports);
  }

  async fall(...ids: number[]): Promise<void> {
    await this.#found(ids, 0);
  }

  async recover(...ids: number[]): Promise<void> {
    await this.#found(ids, 1);
  }

  async forget(...ids: number[]): Promise<void> {
    await this.#found(ids, null);
  }

  /** A command that says nothing of any instance. */
  async timePasses(): Promise<void> {
    await this.#found([], 0);
  }

  async set(mode: InstanceMode, ...ids: number[]): Promise<void> {
    await this.#apply({ type: "instanceMode", changes: ids.map((id) => ({ service: "s", id: `${id}`, mode })) });
  }

  async remove(...ids: number[]): Promise<void> {
    await this.#apply({ type: "instanceDelete", instances: ids.map((id) => ({ service: "s", id: `${id}` })) });
  }

  /** Registers instances of these numbers, with another host when one is named. */
  async register(ids: number[], host = "127.0.0.1"): Promise<void> {
    const node = ids.map((id) => ({ ...someNode(id), host }));
    await this.#apply({ type: "instanceSet", services: [{ name: "s", type: "tcp", node }] });
  }

  /** Registers the whole service again, with these settings. */
  async settings(settings: Pick<ServiceConfig, "protect">): Promise<void> {
    const ports = this.#subject.service("s")!.node.map(({ id }) => Number(id));
    await this.#apply({ type: "serviceSet", services: [{ ...someService("s", ports), ...settings }] });
  }

  /** @param since - seconds of the story at which the protection began, null for none. */
  is(expected: { served: number[]; kept: number[]; since: number | null }, when: string): void {
    const { node, protectedMs } = this.#subject.service("s")!;
    const numbers = (some: typeof node) => some.map(({ id }) => Number(id));
    const served = numbers(node.filter(isServed));
    const kept = numbers(node.filter((instance) => instance.kept));
    const since = protectedMs === 0 ? null : (protectedMs - this.#startMs) / 1_000;
    expectEqual({ served, kept, since }, expected, when);
  }

  async #found(ids: readonly number[], status: 0 | 1 | null): Promise<void> {
    const instances = new Map(this.#subject.service("s")?.node.map((instance) => [instance.id, instance]));
    const changes = ids.map((id) => {
      const definedIndex = instances.get(`${id}`)?.definedIndex ?? 0;
      return { service: "s", id: `${id}`, definedIndex, status };
    });
    await this.#apply({ type: "serviceStatus", changes });
  }

  async #apply(command: Command): Promise<void> {
    const [outcome] = await this.#subject.apply([this.#make.command(command)]);
    expectEqual(outcome!.error, undefined, "refusal");
  }
}

const ALL_OF_4 = [1, 2, 3, 4];

/** Checks when services are protected against a mass failure: told as stories, times in seconds. */
export function protection(suite: StateReaderSuite): void {
  begins(suite);
  goesOn(suite);
  ends(suite);
}

function storyTeller(suite: StateReaderSuite, settings?: Pick<ServiceConfig, "protect">) {
  const check = runner(suite);
  return (name: string, run: (story: Story) => Promise<void>) =>
    check(name, async (subject, make) => run(new Story(subject, make, settings)));
}

function begins(suite: StateReaderSuite): void {
  const tell = storyTeller(suite);

  tell("protection: three of four that fall within the window are kept in use", async (story) => {
    await story.begins(4);
    await story.at(10).fall(1);
    await story.at(20).fall(2);
    story.is({ served: [3, 4], kept: [], since: null }, "exactly half");
    await story.at(30).fall(3);
    story.is({ served: ALL_OF_4, kept: [1, 2, 3], since: 30 }, "more than half");
    await story.at(40).fall(4);
    story.is({ served: ALL_OF_4, kept: ALL_OF_4, since: 30 }, "all");
  });

  tell("protection: three of four at once, at the very end of the window too", async (story) => {
    await story.begins(4);
    await story.at(10).fall(1);
    await story.at(70).fall(2, 3);
    story.is({ served: ALL_OF_4, kept: [1, 2, 3], since: 70 }, "60 s later");
  });

  tell(
    "protection: a slow decay over longer than the window does not begin it, until nobody is left",
    async (story) => {
      await story.begins(4);
      await story.at(10).fall(1);
      await story.at(71).fall(2);
      await story.at(132).fall(3);
      story.is({ served: [4], kept: [], since: null }, "three of four");
      await story.at(193).fall(4);
      story.is({ served: [4], kept: [4], since: 193 }, "the last one");
    },
  );

  tell("protection: one of two never begins it, nor two of two", async (story) => {
    await story.begins(2);
    await story.at(10).fall(1);
    story.is({ served: [2], kept: [], since: null }, "one");
    await story.at(11).fall(2);
    story.is({ served: [], kept: [], since: null }, "both");
  });

  tell("protection: an instance that never passed is not missed", async (story) => {
    await story.begins(3);
    await story.register([4, 5, 6, 7]);
    await story.at(10).fall(4, 5, 6, 7);
    await story.at(11).fall(1);
    story.is({ served: [2, 3], kept: [], since: null }, "one of three that were in use");
    await story.at(12).fall(2);
    story.is({ served: [1, 2, 3], kept: [1, 2], since: 12 }, "two of three");
  });

  tell("protection: who is out of use is not counted, and does not fall", async (story) => {
    await story.begins(5);
    await story.at(1).set("maintenance", 1, 2, 3);
    await story.at(10).fall(1, 2, 3);
    story.is({ served: [4, 5], kept: [], since: null }, "while they are out");
    await story.at(20).set("active", 1, 2, 3);
    story.is({ served: [4, 5], kept: [], since: null }, "back, and still dead");
    await story.at(21).set("draining", 5);
    await story.at(22).fall(4);
    story.is({ served: [4], kept: [4], since: 22 }, "the last one that is in use");
  });

  const percent = storyTeller(suite, { protect: { percent: "29", window: "5000" } });
  percent("protection: exactly the percent does not begin it, one more does; the window counts", async (story) => {
    await story.begins(100);
    const first = Array.from({ length: 29 }, (_, at) => at + 1);
    await story.at(10).fall(...first);
    story.is({ served: Array.from({ length: 71 }, (_, at) => at + 30), kept: [], since: null }, "29 of 100");
    await story.at(16).fall(30);
    story.is({ served: Array.from({ length: 70 }, (_, at) => at + 31), kept: [], since: null }, "one more, later");
    await story.at(17).recover(30);
    await story.at(18).recover(1);
    await story.at(18).fall(30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51);
    const kept = Array.from({ length: 22 }, (_, at) => at + 30);
    const served = [1, ...Array.from({ length: 71 }, (_, at) => at + 30)];
    story.is({ served, kept, since: 18 }, "22 of the 72 that were in use");
  });

  const off = storyTeller(suite, { protect: "off" });
  off("protection: a service that has it off is not protected", async (story) => {
    await story.begins(4);
    await story.at(10).fall(1, 2, 3);
    story.is({ served: [4], kept: [], since: null }, "three of four");
    await story.at(11).settings({});
    story.is({ served: ALL_OF_4, kept: [1, 2, 3], since: 11 }, "when it is put on after all");
  });
}

function goesOn(suite: StateReaderSuite): void {
  const tell = storyTeller(suite);

  tell("protection: instances that are added, and one that is registered again, change nothing", async (story) => {
    await story.begins(4);
    await story.at(10).fall(1, 2, 3);
    await story.at(20).register([1]);
    story.is({ served: ALL_OF_4, kept: [1, 2, 3], since: 10 }, "one again");
    await story.at(30).register([5, 6]);
    await story.at(31).fall(5, 6);
    story.is({ served: ALL_OF_4, kept: [1, 2, 3], since: 10 }, "two that never passed");
    await story.at(40).settings({});
    story.is({ served: ALL_OF_4, kept: [1, 2, 3], since: 10 }, "all again");
  });

  tell("protection: one that is defined anew is another one and not kept", async (story) => {
    await story.begins(5);
    await story.at(10).fall(1, 2, 3, 4);
    await story.at(20).register([1], "10.0.0.1");
    story.is({ served: [2, 3, 4, 5], kept: [2, 3, 4], since: 10 }, "one of five");
  });

  tell("protection: one that is drained is not served; one that is taken back is kept again", async (story) => {
    await story.begins(5);
    await story.at(10).fall(1, 2, 3, 4);
    await story.at(20).set("draining", 1);
    story.is({ served: [2, 3, 4, 5], kept: [2, 3, 4], since: 10 }, "drained");
    await story.at(21).set("active", 1);
    story.is({ served: [1, 2, 3, 4, 5], kept: [1, 2, 3, 4], since: 10 }, "taken back");
  });

  tell("protection: one that fell before the window began is not kept while it is on", async (story) => {
    await story.begins(5);
    await story.at(10).fall(1);
    await story.at(100).fall(2, 3, 4);
    story.is({ served: [2, 3, 4, 5], kept: [2, 3, 4], since: 100 }, "three of four");
    await story.at(1_000).fall(5);
    story.is({ served: [2, 3, 4, 5], kept: [2, 3, 4, 5], since: 100 }, "much later, with nobody passing");
  });

  tell("protection: settings that are changed while it is on count at once", async (story) => {
    await story.begins(5);
    await story.at(10).fall(1);
    await story.at(20).fall(2, 3);
    story.is({ served: [1, 2, 3, 4, 5], kept: [1, 2, 3], since: 20 }, "begun");
    await story.at(21).settings({ protect: { window: "5000", percent: "40" } });
    story.is({ served: [2, 3, 4, 5], kept: [2, 3], since: 20 }, "a shorter window and a smaller part");
    await story.at(22).settings({ protect: { percent: "60" } });
    story.is({ served: [4, 5], kept: [], since: null }, "three of five are not more than 60 percent");
    await story.at(23).settings({ protect: { percent: "1" } });
    story.is({ served: [4, 5], kept: [], since: null }, "what fell then counts no more");
  });
}

function ends(suite: StateReaderSuite): void {
  const tell = storyTeller(suite);

  tell("protection: ends when enough have recovered; who is still dead goes then", async (story) => {
    await story.begins(4);
    await story.at(10).fall(1, 2, 3);
    await story.at(20).recover(1);
    story.is({ served: [1, 4], kept: [], since: null }, "half");
    await story.at(21).fall(1);
    story.is({ served: [4], kept: [], since: null }, "one of two falls");
    await story.at(22).fall(4);
    story.is({ served: [1, 4], kept: [1, 4], since: 22 }, "a new one, of what fell since");
  });

  tell("protection: ends by its limit once some are passing, by a command that says nothing", async (story) => {
    await story.begins(4);
    await story.at(10).fall(1, 2, 3);
    await story.at(310).timePasses();
    story.is({ served: ALL_OF_4, kept: [1, 2, 3], since: 10 }, "at the limit");
    await story.at(311).timePasses();
    story.is({ served: [4], kept: [], since: null }, "behind it");
    await story.at(312).timePasses();
    story.is({ served: [4], kept: [], since: null }, "what fell then does not begin another");
    await story.at(313).fall(4);
    story.is({ served: [4], kept: [4], since: 313 }, "the last one");
  });

  tell("protection: does not end by its limit while nobody is passing", async (story) => {
    await story.begins(4);
    await story.at(10).fall(...ALL_OF_4);
    await story.at(10_000).timePasses();
    story.is({ served: ALL_OF_4, kept: ALL_OF_4, since: 10 }, "nobody");
    await story.at(10_001).recover(2);
    story.is({ served: ALL_OF_4, kept: [1, 3, 4], since: 10 }, "one, a moment ago: the others are checked next");
    await story.at(10_060).timePasses();
    story.is({ served: ALL_OF_4, kept: [1, 3, 4], since: 10 }, "nearly a window");
    await story.at(10_061).timePasses();
    story.is({ served: [2], kept: [], since: null }, "for a window");
  });

  tell("protection: behind its limit, too, it ends when enough have recovered", async (story) => {
    await story.begins(4);
    await story.at(10).fall(...ALL_OF_4);
    await story.at(400).recover(1);
    await story.at(401).recover(2);
    story.is({ served: [1, 2], kept: [], since: null }, "half");
  });

  tell("protection: ends when it is put off, and when too few instances are left", async (story) => {
    await story.begins(4);
    await story.at(10).fall(1, 2, 3);
    await story.at(11).settings({ protect: "off" });
    story.is({ served: [4], kept: [], since: null }, "off");
    await story.at(12).settings({});
    await story.at(13).recover(1, 2, 3);
    await story.at(14).fall(1, 2, 3);
    await story.at(15).remove(1);
    story.is({ served: [2, 3, 4], kept: [2, 3], since: 14 }, "three are left");
    await story.at(16).remove(2);
    story.is({ served: [4], kept: [], since: null }, "two are left");
  });

  tell("protection: ends when those who are missing are removed or out of use", async (story) => {
    await story.begins(5);
    await story.at(10).fall(1, 2, 3);
    await story.at(11).remove(1);
    story.is({ served: [4, 5], kept: [], since: null }, "two of four");
    await story.at(20).recover(2, 3);
    await story.at(21).fall(2, 3, 4);
    await story.at(22).set("maintenance", 2, 3);
    story.is({ served: [5], kept: [], since: null }, "one of two that are in use");
  });

  tell("protection: ends when what was found out counts no more", async (story) => {
    await story.begins(3);
    await story.at(10).fall(1, 2, 3);
    await story.at(11).forget(1, 2, 3);
    story.is({ served: [], kept: [], since: null }, "all unchecked");
  });
}
