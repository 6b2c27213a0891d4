import type { ChangeEvent } from "../contracts/state-reader.ts";
import { entryLogId } from "../log-entry.ts";
import { runner, type StateReaderSuite } from "./reader-suite.ts";
import { someMembership, someService } from "./state-entries.ts";
import { instances } from "./state-instances.ts";
import { protection } from "./state-protection.ts";
import { services } from "./state-services.ts";
import { expect, expectEqual } from "./suite.ts";

/** Checks the reads of a state machine and what its commands come to. Subjects are fresh and empty. */
export function stateReaderConformance(suite: StateReaderSuite): void {
  keys(suite);
  services(suite);
  instances(suite);
  protection(suite);
  changes(suite);
  history(suite);
}

function keys(suite: StateReaderSuite): void {
  const check = runner(suite);

  check("an empty state has nothing to read", async (subject) => {
    expectEqual([subject.appliedLogId(), subject.serviceLogId(), subject.kvCount()], [0, 0, 0], "numbers");
    expect(subject.kv("a") === undefined, "a key");
    expect(subject.service("a") === undefined, "a service");
    expect(subject.outcome("a") === undefined, "an outcome");
    expectEqual(subject.kvPage({ prefix: "", after: "", limit: 10 }), [], "page");
    expectEqual(subject.services(), [], "services");
  });

  check("a key knows when it was made, last written and how often", async (subject, make) => {
    await subject.apply([make.set(["a", "1"]), make.empty(), make.set(["a", "2"])]);
    expectEqual(subject.kv("a"), { key: "a", value: "2", createIndex: 1, modifyIndex: 3, version: 2 }, "record");
    await subject.apply([make.command({ type: "kvDelete", keys: ["a"] })]);
    expect(subject.kv("a") === undefined, "a removed key is there");
    await subject.apply([make.set(["a", ""])]);
    expectEqual(subject.kv("a"), { key: "a", value: "", createIndex: 5, modifyIndex: 5, version: 1 }, "new record");
  });

  check("setting counts pairs, writing an equal value too, and a key that comes twice once", async (subject, make) => {
    const results = await subject.apply([
      make.set(["a", "1"], ["b", "1"]),
      make.set(["a", "1"]),
      make.set(["c", "first"], ["d", "1"], ["c", "last"]),
    ]);
    expectEqual(
      results.map((result) => result!.changed),
      [2, 1, 2],
      "changed",
    );
    expectEqual(subject.kv("a")!.version, 2, "version of a key that was written with an equal value");
    expectEqual(subject.kv("c"), { key: "c", value: "last", createIndex: 3, modifyIndex: 3, version: 1 }, "record");
    expectEqual(subject.kvCount(), 4, "count");
  });

  check("removing counts the keys that were there, each once", async (subject, make) => {
    const results = await subject.apply([
      make.set(["a", "1"], ["b", "1"]),
      make.command({ type: "kvDelete", keys: ["a", "missing", "a"] }),
      make.command({ type: "kvDelete", keys: ["a"] }),
    ]);
    expectEqual(
      results.map((result) => result!.changed),
      [2, 1, 0],
      "changed",
    );
    expectEqual(subject.kvCount(), 1, "count");
  });

  check("X4: names of object properties are plain keys", async (subject, make) => {
    const names = ["__proto__", "constructor", "hasOwnProperty", "prototype", "toString"];
    await subject.apply([make.set(...names.map((name) => [name, `value of ${name}`] as const))]);
    for (const name of names) expectEqual(subject.kv(name)?.value, `value of ${name}`, name);
    const page = subject.kvPage({ prefix: "", after: "", limit: 10 });
    expectEqual(
      page.map((record) => record.key),
      names,
      "page",
    );
    expect(subject.kv("valueOf") === undefined, "a key that nobody set");
    const requests = await subject.apply(names.map((name) => make.command({ type: "kvDelete", keys: [] }, name)));
    for (const outcome of requests) expectEqual(subject.outcome(outcome!.requestId), outcome, "outcome");
  });

  check("keys come in the order of their UTF-8 bytes", async (subject, make) => {
    const ordered = ["A", "a", "a\u0001", "a/1", "ab", "b", "é", "\uE000", "\uFFFF", "\u{10000}", "\u{10FFFF}"];
    await subject.apply([make.set(...[...ordered].reverse().map((key) => [key, "1"] as const))]);
    const page = subject.kvPage({ prefix: "", after: "", limit: 100 });
    expectEqual(
      page.map((record) => record.key),
      ordered,
      "keys",
    );
  });

  check("a page holds the keys with the prefix that lie behind the last, up to its limit", async (subject, make) => {
    const names = ["a", "b", "b/1", "b/2", "b/\u{10FFFF}", "b/\u{10FFFF}x", "b0", "c", "\uFFFF1", "\u{10FFFF}1"];
    await subject.apply([make.set(...names.map((key) => [key, "1"] as const))]);
    const page = (prefix: string, after: string, limit: number) =>
      subject.kvPage({ prefix, after, limit }).map((record) => record.key);
    expectEqual(page("b/", "", 10), ["b/1", "b/2", "b/\u{10FFFF}", "b/\u{10FFFF}x"], "all of a prefix");
    expectEqual(page("b/", "", 2), ["b/1", "b/2"], "the first of a prefix");
    expectEqual(page("b/", "b/2", 10), ["b/\u{10FFFF}", "b/\u{10FFFF}x"], "the rest of a prefix");
    expectEqual(page("b/", "a", 1), ["b/1"], "from before the prefix");
    expectEqual(page("b/", "c", 10), [], "from behind the prefix");
    expectEqual(page("b/\u{10FFFF}", "", 10), ["b/\u{10FFFF}", "b/\u{10FFFF}x"], "a prefix that ends with the last");
    expectEqual(page("\u{10FFFF}", "", 10), ["\u{10FFFF}1"], "a prefix of the last alone");
    expectEqual(page("\uFFFF", "", 10), ["\uFFFF1"], "a prefix before the pairs of UTF-16");
    expectEqual(page("", "b0", 2), ["c", "\uFFFF1"], "a page without a prefix");
    expectEqual(page("", "", 0), [], "an empty page");
    expectEqual(page("_", "", 10), [], "a prefix that is a wildcard elsewhere");
    expectEqual(page("%", "", 10), [], "another");
  });

  check("the applied log id is that of the last entry of any kind", async (subject, make) => {
    const entries = [make.set(["a", "1"]), make.empty(), make.membership(someMembership(1))];
    for (const entry of entries) {
      await subject.apply([entry]);
      expectEqual(subject.appliedLogId(), entryLogId(entry), "applied log id");
    }
  });

  check("an outcome is remembered under its request id", async (subject, make) => {
    const entry = make.command({ type: "kvSet", pairs: [["a", "1"]] }, "my request");
    const [outcome] = await subject.apply([entry]);
    expectEqual(outcome, { requestId: "my request", logId: entryLogId(entry), changed: 1 }, "outcome");
    expectEqual(subject.outcome("my request"), outcome, "remembered outcome");
  });
}

function changes(suite: StateReaderSuite): void {
  const check = runner(suite);
  const short = (event: ChangeEvent) =>
    event.type === "kv"
      ? [event.logId, event.key, event.record?.value ?? null]
      : [event.logId, event.name, event.service?.node.map((node) => node.status) ?? null];

  check("changes are told in log order, each once, and only what changed", async (subject, make) => {
    const events: ChangeEvent[] = [];
    subject.onChange((event) => events.push(event));
    const entries = [
      make.set(["b", "1"], ["a", "1"], ["b", "2"]),
      make.command({ type: "kvDelete", keys: ["missing", "a", "a"] }),
      make.empty(),
      make.command({ type: "serviceSet", services: [someService("s", [1, 2])] }),
      make.command({
        type: "serviceStatus",
        changes: ["1", "2"].map((id) => ({ service: "s", id, definedIndex: 4, status: 1 as const })),
      }),
      make.command({ type: "serviceDelete", names: ["s", "missing"] }),
      make.command({ type: "kvSet", pairs: [["a", "repeated"]] }, "r1"),
    ];
    await subject.apply(entries);
    const id = entries.map(entryLogId);
    expectEqual(
      events.map(short),
      [
        [id[0], "b", "2"],
        [id[0], "a", "1"],
        [id[1], "a", null],
        [id[3], "s", [0, 0]],
        [id[4], "s", [1, 1]],
        [id[5], "s", null],
      ],
      "events",
    );
    expectEqual(
      events[0],
      {
        type: "kv",
        logId: id[0],
        key: "b",
        record: { key: "b", value: "2", createIndex: 1, modifyIndex: 1, version: 1 },
      },
      "a whole event",
    );
  });

  check("what a change tells can be read when it is told", async (subject, make) => {
    const seen: unknown[] = [];
    subject.onChange((event) => {
      if (event.type === "kv") seen.push([subject.kv(event.key)?.value, subject.applied().index]);
    });
    await subject.apply([make.set(["a", "1"]), make.set(["b", "1"])]);
    expectEqual(
      seen,
      [
        ["1", 2],
        ["1", 2],
      ],
      "what was read",
    );
  });

  check("a listener that throws does not disturb others, and one that went hears nothing", async (subject, make) => {
    const heard: string[] = [];
    subject.onChange(() => {
      throw new Error("a listener's own trouble");
    });
    const stop = subject.onChange(() => heard.push("went"));
    subject.onChange(() => heard.push("stays"));
    await subject.apply([make.set(["a", "1"])]);
    stop();
    stop();
    await subject.apply([make.set(["a", "2"])]);
    expectEqual(heard, ["went", "stays", "stays"], "heard");
  });

  check("a listener that applies more does not change the order for others", async (subject, make) => {
    const heard: string[] = [];
    let more: Promise<unknown> | undefined;
    subject.onChange(() => {
      more ??= subject.apply([make.set(["second", "1"])]);
    });
    subject.onChange((event) => heard.push(event.type === "kv" ? event.key : "?"));
    await subject.apply([make.set(["first", "1"], ["first too", "1"])]);
    await more;
    expectEqual(heard, ["first", "first too", "second"], "heard");
  });
}

function history(suite: StateReaderSuite): void {
  const check = runner(suite);

  check("what changed behind a log id is told whole entry by entry, up to what is applied", async (subject, make) => {
    const entries = [make.set(["a", "1"], ["b", "1"]), make.set(["c", "1"]), make.empty(), make.set(["d", "1"])];
    await subject.apply(entries);
    const id = entries.map(entryLogId);
    const keysOf = (from: number, limit: number): unknown => {
      const changes = subject.changesSince(from, limit);
      if (changes.compacted) return "compacted";
      return [changes.events.map((event) => (event.type === "kv" ? event.key : event.name)), changes.throughLogId];
    };
    expectEqual(keysOf(0, 10), [["a", "b", "c", "d"], id[3]], "all");
    expectEqual(keysOf(0, 1), [["a", "b"], id[0]], "an entry is not cut apart");
    expectEqual(keysOf(0, 2), [["a", "b"], id[0]], "an entry is not begun");
    expectEqual(keysOf(id[0]!, 1), [["c"], id[1]], "the next");
    expectEqual(keysOf(id[1]!, 1), [["d"], id[3]], "the last");
    expectEqual(keysOf(id[3]!, 1), [[], id[3]], "nothing");
    expectEqual(keysOf(id[3]! + 70_000, 1), [[], id[3]! + 70_000], "a log id that lies ahead");
  });

  check("a restored snapshot is told as such, and what was before it is compacted", async (subject, make) => {
    await subject.apply([make.set(["a", "1"]), make.set(["b", "1"])]);
    const before = subject.changesSince(0, 10);
    expect(!before.compacted && before.events.length === 2, "changes before the restore");
    const heard: number[] = [];
    subject.onReset(() => {
      throw new Error("a listener's own trouble");
    });
    const stop = subject.onReset((logId) => heard.push(logId));
    const source = await subject.snapshot();
    const sink = await subject.restore(source.position, source.membership);
    for await (const chunk of source.chunks) await sink.write(chunk);
    source.close();
    await sink.commit();
    const logId = subject.appliedLogId();
    expectEqual(heard, [logId], "heard");
    expectEqual(subject.changesSince(0, 10), { compacted: true, oldestLogId: logId }, "before the restore");
    expectEqual(subject.changesSince(logId, 10), { compacted: false, events: [], throughLogId: logId }, "since it");
    stop();
  });
}
