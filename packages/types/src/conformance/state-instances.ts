import type { CommandOutcome, ModeChange } from "../command.ts";
import { LIMITS } from "../limits.ts";
import { REDACTED } from "../redacted.ts";
import type { InstanceConfig, ServiceConfig } from "../service.ts";
import { type ReadableStateMachine, runner, type StateReaderSuite } from "./reader-suite.ts";
import { type EntryMaker, someNode, someService } from "./state-entries.ts";
import { expect, expectEqual } from "./suite.ts";

/** Checks what becomes of single instances: who they are, their secrets, their modes. */
export function instances(suite: StateReaderSuite): void {
  identity(suite);
  members(suite);
  secrets(suite);
  modes(suite);
}

const web = (...node: InstanceConfig[]): ServiceConfig => ({ name: "web", type: "tcp", node });
const found = (subject: ReadableStateMachine) =>
  Object.fromEntries(
    subject.service("web")!.node.map(({ id, status, checked, definedIndex }) => [id, [status, checked, definedIndex]]),
  );
const idsOf = (subject: ReadableStateMachine) => subject.service("web")?.node.map(({ id }) => id);

function alive(make: EntryMaker, definedIndex: number, ...ids: string[]) {
  const changes = ids.map((id) => ({ service: "web", id, definedIndex, status: 1 as const }));
  return make.command({ type: "serviceStatus", changes });
}

async function refused(outcome: Promise<readonly (CommandOutcome | undefined)[]>, code: string, named: string) {
  const [one] = await outcome;
  expect(one?.error !== undefined, "the command was not refused");
  expectEqual([one.error.code, one.changed], [code, 0], "refusal");
  expect(one.error.message.includes(named), `the refusal does not name ${named}: ${one.error.message}`);
}

function identity(suite: StateReaderSuite): void {
  const check = runner(suite);

  check("an instance that is registered again keeps its status by its id and what it is", async (subject, make) => {
    await subject.apply([
      make.command({ type: "serviceSet", services: [someService("web", [1, 2, 3, 4, 5])] }),
      alive(make, 1, "1", "2", "3", "4", "5"),
      make.command({
        type: "serviceSet",
        services: [
          web(
            { ...someNode(2), priority: "0", interval: "9000", timeout: "8000", rise: "7", fall: "6", jitter: "5" },
            { ...someNode(1), tags: ["a"], meta: { a: "b" }, start: "critical" },
            { ...someNode(3), host: "another" },
            { ...someNode(4), id: "renamed" },
            { ...someNode(5), user: "u" },
          ),
        ],
      }),
    ]);
    const kept = [1, true, 1];
    const anew = [0, false, 3];
    expectEqual(found(subject), { 1: kept, 2: kept, 3: anew, renamed: anew, 5: anew }, "instances");
    expectEqual(idsOf(subject), ["2", "1", "3", "renamed", "5"], "order");
  });

  check("under another type nothing is the same", async (subject, make) => {
    await subject.apply([
      make.command({ type: "serviceSet", services: [someService("web", [1])] }),
      alive(make, 1, "1"),
      make.command({ type: "serviceSet", services: [{ ...someService("web", [1]), type: "redis" }] }),
    ]);
    expectEqual(found(subject), { 1: [0, false, 3] }, "instances");
  });

  check("one that starts as passing counts as such until its checks have decided", async (subject, make) => {
    const starts = { ...someNode(1), start: "passing" as const };
    const status = (to: 0 | 1 | null) =>
      make.command({
        type: "serviceStatus",
        changes: [{ service: "web", id: "1", definedIndex: 1, status: to }],
      });
    await subject.apply([make.command({ type: "serviceSet", services: [web(starts, someNode(2))] })]);
    expectEqual(found(subject), { 1: [1, false, 1], 2: [0, false, 1] }, "before");
    await subject.apply([status(0)]);
    expectEqual(found(subject), { 1: [0, true, 1], 2: [0, false, 1] }, "after a check");
    await subject.apply([status(null)]);
    expectEqual(found(subject), { 1: [1, false, 1], 2: [0, false, 1] }, "unchecked again");
    await subject.apply([make.command({ type: "serviceSet", services: [web(someNode(1), someNode(2))] })]);
    expectEqual(found(subject), { 1: [0, false, 1], 2: [0, false, 1] }, "to start as critical after all");
  });

  check("since when tells when checks last decided another status", async (subject, make) => {
    const since = () => subject.service("web")!.node[0]!.sinceMs - START;
    const START = make.timeMs;
    await subject.apply([make.command({ type: "serviceSet", services: [web(someNode(1))] })]);
    expectEqual(subject.service("web")!.node[0]!.sinceMs, 0, "before any check");
    const times: number[] = [];
    for (const [second, status] of [
      [1, 0],
      [2, 0],
      [3, 1],
      [4, 1],
      [5, 0],
    ] as const) {
      make.timeMs = START + second * 1_000;
      const changes = [{ service: "web", id: "1", definedIndex: 1, status }];
      await subject.apply([make.command({ type: "serviceStatus", changes })]);
      times.push(since() / 1_000);
    }
    expectEqual(times, [1, 1, 3, 3, 5], "seconds");
  });
}

function members(suite: StateReaderSuite): void {
  const check = runner(suite);

  check("registering one instance leaves the others as they are", async (subject, make) => {
    const settings = { protect: { percent: "60" }, slowstart: "1000" };
    await subject.apply([
      make.command({ type: "serviceSet", services: [{ ...someService("web", [1, 2, 3]), ...settings }] }),
      alive(make, 1, "1", "2", "3"),
    ]);
    const [outcome] = await subject.apply([
      make.command({ type: "instanceSet", services: [web({ ...someNode(2), host: "another" }, someNode(4))] }),
    ]);
    expectEqual(outcome!.changed, 2, "changed");
    const kept = [1, true, 1];
    expectEqual(found(subject), { 1: kept, 2: [0, false, 3], 3: kept, 4: [0, false, 3] }, "instances");
    expectEqual(idsOf(subject), ["1", "2", "3", "4"], "order");
    const { definedIndex, modifyIndex, protect, slowstart } = subject.service("web")!;
    expectEqual([definedIndex, modifyIndex, { protect, slowstart }], [3, 3, settings], "service");
    // What is found out about the others still counts, and about the one before does not.
    await subject.apply([
      make.command({
        type: "serviceStatus",
        changes: [1, 2].map((id) => ({ service: "web", id: `${id}`, definedIndex: 1, status: 0 as const })),
      }),
      alive(make, 1, "2"),
    ]);
    expectEqual(found(subject), { 1: [0, true, 1], 2: [0, false, 3], 3: kept, 4: [0, false, 3] }, "found out later");
    await subject.apply([make.command({ type: "instanceSet", services: [{ ...web(someNode(3)), protect: "off" }] })]);
    expectEqual(subject.service("web")!.protect, "off", "a setting that comes with an instance");
    expectEqual(found(subject)["3"], kept, "an instance that was the same");
  });

  check(
    "an instance of a service that does not exist makes it, of another type it is refused",
    async (subject, make) => {
      const both = [someService("web", [1]), someService("web", [2])];
      const [outcome] = await subject.apply([make.command({ type: "instanceSet", services: both })]);
      expectEqual([outcome!.changed, idsOf(subject)], [2, ["1", "2"]], "made");
      const redis = { ...someService("web", [3]), type: "redis" as const };
      const set = make.command({ type: "instanceSet", services: [someService("db", [1]), redis] });
      await refused(subject.apply([set]), "DISTER_ERR_INVALID", "service web, type");
      expectEqual([subject.services().length, idsOf(subject)], [1, ["1", "2"]], "after the refusal");
      expect(subject.serviceLogId() < subject.appliedLogId(), "a refusal moved the service log id");
    },
  );

  check("more instances than a service may have are refused, none of them taken", async (subject, make) => {
    const ports = Array.from({ length: LIMITS.serviceNodesMax }, (_, at) => at + 1);
    await subject.apply([make.command({ type: "serviceSet", services: [someService("web", ports)] })]);
    const more = make.command({ type: "instanceSet", services: [someService("web", [1, LIMITS.serviceNodesMax + 1])] });
    await refused(subject.apply([more]), "DISTER_ERR_INVALID", "service web, node");
    const [outcome] = await subject.apply([
      make.command({ type: "instanceSet", services: [someService("web", [LIMITS.serviceNodesMax])] }),
    ]);
    expectEqual([outcome!.error, outcome!.changed], [undefined, 1], "one that is there already");
    expectEqual(idsOf(subject)!.length, LIMITS.serviceNodesMax, "instances");
  });

  check("instances that would make a service larger than may be stored are refused", async (subject, make) => {
    const filler = "x".repeat(LIMITS.serviceBytesMax - 550);
    const large = { ...someNode(1), meta: { filler } };
    await subject.apply([make.command({ type: "serviceSet", services: [web(large)] }), alive(make, 1, "1")]);
    const [fits] = await subject.apply([
      make.command({ type: "instanceSet", services: [web(someNode(2), someNode(3))] }),
    ]);
    expectEqual(fits!.error, undefined, "two that fit");
    const more = make.command({
      type: "instanceSet",
      services: [someService("db", [1]), web(someNode(4), someNode(5))],
    });
    await refused(subject.apply([more]), "DISTER_ERR_TOO_LARGE", "service web");
    expectEqual([idsOf(subject), subject.services().length], [["1", "2", "3"], 1], "after the refusal");
    // The stars of a secret are shorter than the secret.
    const meta = { filler: "x".repeat(LIMITS.serviceBytesMax - 900) };
    const secret = { ...someNode(1), pass: "p".repeat(1_000) };
    await subject.apply([make.command({ type: "serviceSet", services: [web(secret)] })]);
    const grown = make.command({ type: "serviceSet", services: [web({ ...secret, pass: REDACTED, meta })] });
    await refused(subject.apply([grown]), "DISTER_ERR_TOO_LARGE", "service web");
    expectEqual(idsOf(subject), ["1"], "instances");
  });

  check("the last instance takes its service with it; one that is not there is passed over", async (subject, make) => {
    const gone = (...ids: string[]) =>
      make.command({ type: "instanceDelete", instances: ids.map((id) => ({ service: "web", id })) });
    await subject.apply([
      make.command({ type: "serviceSet", services: [someService("web", [1, 2, 3])] }),
      alive(make, 1, "2"),
    ]);
    const told: unknown[] = [];
    subject.onChange((event) =>
      told.push(event.type === "service" ? [event.name, event.service?.node.length ?? null] : 0),
    );
    const first = await subject.apply([gone("1", "missing", "1"), gone("missing")]);
    expectEqual(
      [first.map((one) => one!.changed), idsOf(subject)],
      [
        [1, 0],
        ["2", "3"],
      ],
      "first",
    );
    expectEqual(found(subject), { 2: [1, true, 1], 3: [0, false, 1] }, "those that are left");
    const last = await subject.apply([gone("2", "3"), gone("2")]);
    expectEqual([last.map((one) => one!.changed), subject.services()], [[2, 0], []], "last");
    expectEqual(
      told,
      [
        ["web", 2],
        ["web", null],
      ],
      "told",
    );
    await subject.apply([make.command({ type: "serviceSet", services: [someService("web", [2])] })]);
    expectEqual(found(subject), { 2: [0, false, 7] }, "registered anew");
  });
}

function secrets(suite: StateReaderSuite): void {
  const check = runner(suite);
  const secret = { host: "h", port: "1", url: "http://h/", user: "u", script: "/s" };
  const full: InstanceConfig = { ...someNode(1), ...secret, pass: "p", headers: "a: b" };
  const starred: InstanceConfig = { ...full, pass: REDACTED, headers: REDACTED };
  const passes = (subject: ReadableStateMachine) => {
    const { pass, headers } = subject.service("web")!.node[0]!;
    return [pass, headers];
  };

  check("X11: a secret written back as stars is the one that is stored", async (subject, make) => {
    await subject.apply([make.command({ type: "serviceSet", services: [web(full)] }), alive(make, 1, "1")]);
    await subject.apply([make.command({ type: "serviceSet", services: [web(starred)] })]);
    expectEqual([passes(subject), found(subject)], [["p", "a: b"], { 1: [1, true, 1] }], "as a whole");
    const settings = { priority: "7", database: "other", tags: ["t"] };
    await subject.apply([make.command({ type: "instanceSet", services: [web({ ...starred, ...settings })] })]);
    expectEqual(passes(subject), ["p", "a: b"], "with settings that differ");
    await subject.apply([make.command({ type: "serviceSet", services: [web({ ...starred, pass: "new" })] })]);
    expectEqual([passes(subject), found(subject)], [["new", "a: b"], { 1: [0, false, 5] }], "one of two");
  });

  for (const field of ["host", "port", "url", "user", "script"] as const) {
    check(`X11: stars are refused when ${field} differs: they would go to somebody else`, async (subject, make) => {
      await subject.apply([make.command({ type: "serviceSet", services: [someService("db", [9]), web(full)] })]);
      const { [field]: _left, ...without } = starred;
      for (const other of [{ ...starred, [field]: "2" }, without]) {
        for (const type of ["serviceSet", "instanceSet"] as const) {
          const entry = make.command({ type, services: [someService("db", [10]), web(other)] });
          await refused(subject.apply([entry]), "DISTER_ERR_INVALID", "service web, instance 1, pass");
        }
      }
      expectEqual([passes(subject), subject.service("web")!.modifyIndex], [["p", "a: b"], 1], "what is stored");
      expectEqual(
        subject.service("db")!.node.map(({ port }) => port),
        ["9"],
        "the other service of the command",
      );
    });
  }

  check("X11: stars are refused under another type, another id, and where nothing is stored", async (subject, make) => {
    const refuse = async (service: ServiceConfig, named: string) =>
      refused(subject.apply([make.command({ type: "serviceSet", services: [service] })]), "DISTER_ERR_INVALID", named);
    await refuse(web(starred), "instance 1, pass");
    expectEqual(subject.services(), [], "a service that was refused");
    const { headers: _none, ...bare } = full;
    await subject.apply([make.command({ type: "serviceSet", services: [web(bare)] })]);
    await refuse({ ...web(starred), type: "redis" }, "instance 1, pass");
    await refuse(web({ ...starred, id: "other" }), "instance other, pass");
    await refuse(web({ ...bare, headers: REDACTED }), "instance 1, headers");
    await refuse({ ...web({ ...bare, pass: REDACTED }), name: "db" }, "service db, instance 1, pass");
    // A service that was removed took its secrets with it.
    await subject.apply([make.command({ type: "serviceDelete", names: ["web"] })]);
    await refuse(web({ ...bare, pass: REDACTED }), "instance 1, pass");
  });
}

function modes(suite: StateReaderSuite): void {
  const check = runner(suite);
  const mode = (make: EntryMaker, to: ModeChange["mode"], ...ids: string[]) =>
    make.command({ type: "instanceMode", changes: ids.map((id) => ({ service: "web", id, mode: to })) });
  const modesOf = (subject: ReadableStateMachine) => subject.service("web")!.node.map((instance) => instance.mode);

  check("a mode is kept over whatever is registered and found out", async (subject, make) => {
    await subject.apply([
      make.command({ type: "serviceSet", services: [someService("web", [1, 2, 3])] }),
      alive(make, 1, "1", "2", "3"),
    ]);
    const results = await subject.apply([
      mode(make, "draining", "1"),
      mode(make, "maintenance", "2"),
      mode(make, "draining", "1", "1"),
    ]);
    expectEqual(
      results.map((result) => result!.changed),
      [1, 1, 0],
      "changed",
    );
    expectEqual(
      [modesOf(subject), subject.service("web")!.modifyIndex],
      [["draining", "maintenance", "active"], 4],
      "set",
    );
    await subject.apply([
      make.command({ type: "serviceSet", services: [{ ...someService("web", [2, 1, 3]), type: "redis" }] }),
      make.command({ type: "instanceSet", services: [{ ...web({ ...someNode(1), host: "other" }), type: "redis" }] }),
      alive(make, 6, "2", "3"),
    ]);
    expectEqual(modesOf(subject), ["maintenance", "draining", "active"], "registered again");
    await subject.apply([mode(make, "active", "1", "2")]);
    expectEqual(modesOf(subject), ["active", "active", "active"], "back in use");
    expectEqual(found(subject), { 2: [1, true, 6], 1: [0, false, 7], 3: [1, true, 6] }, "what was found out");
  });

  check(
    "a mode for an instance that does not exist is refused, and with it all of the command",
    async (subject, make) => {
      await subject.apply([make.command({ type: "serviceSet", services: [someService("web", [1])] })]);
      await refused(subject.apply([mode(make, "draining", "1", "2")]), "DISTER_ERR_INSTANCE_NOT_FOUND", "'2'");
      const elsewhere = [{ service: "missing", id: "1", mode: "draining" as const }];
      await refused(
        subject.apply([make.command({ type: "instanceMode", changes: elsewhere })]),
        "DISTER_ERR_INSTANCE_NOT_FOUND",
        "'missing'",
      );
      expectEqual([modesOf(subject), subject.service("web")!.modifyIndex], [["active"], 1], "instances");
    },
  );

  check("a refusal is remembered under its request id like any other outcome", async (subject, make) => {
    const refusedMode = () =>
      make.command({ type: "instanceMode", changes: [{ service: "web", id: "1", mode: "draining" }] }, "mine");
    const [first] = await subject.apply([refusedMode()]);
    const register = make.command({ type: "serviceSet", services: [someService("web", [1])] });
    const [, again] = await subject.apply([register, refusedMode()]);
    expectEqual([again, subject.outcome("mine")], [first, first], "outcome");
    expectEqual(modesOf(subject), ["active"], "modes");
  });
}
