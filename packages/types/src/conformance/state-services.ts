import { runner, type StateReaderSuite } from "./reader-suite.ts";
import { someNode, someService } from "./state-entries.ts";
import { expect, expectEqual } from "./suite.ts";

/** Checks what becomes of services that are registered and removed as a whole, and of what their checks find out. */
export function services(suite: StateReaderSuite): void {
  const check = runner(suite);

  check("a registered service starts dead, whatever the registration says", async (subject, make) => {
    const given = { name: "web", type: "tcp" as const, node: [someNode(1, 1)] };
    const [outcome] = await subject.apply([make.command({ type: "serviceSet", services: [given] })]);
    expectEqual(outcome!.changed, 1, "changed");
    const found = { definedIndex: 1, checked: false, sinceMs: 0, fellMs: 0, mode: "active" as const, kept: false };
    const indexes = { definedIndex: 1, modifyIndex: 1, protectedMs: 0 };
    const node = [{ ...someNode(1, 0), ...found }];
    expectEqual(subject.service("web"), { name: "web", type: "tcp", node, ...indexes }, "service");
  });

  check(
    "registering again keeps the status of the nodes that are the same, wherever they stand and however they are checked",
    async (subject, make) => {
      await subject.apply([
        make.command({ type: "serviceSet", services: [someService("web", [1, 2, 3, 4])] }),
        make.command({
          type: "serviceStatus",
          changes: ["1", "2", "4"].map((id) => ({ service: "web", id, definedIndex: 1, status: 1 as const })),
        }),
        make.command({
          type: "serviceSet",
          services: [
            {
              name: "web",
              type: "tcp",
              node: [
                someNode(3, 1),
                { ...someNode(1), user: "another" },
                someNode(2),
                { ...someNode(4), priority: "0", interval: "9000", timeout: "8000", rise: "7", fall: "6" },
              ],
            },
          ],
        }),
      ]);
      const service = subject.service("web")!;
      expectEqual(
        service.node.map((node) => node.status),
        [0, 0, 1, 1],
        "statuses",
      );
      expectEqual([service.definedIndex, service.modifyIndex], [3, 3], "indexes");
    },
  );

  check(
    "a status is taken only for the definition that was checked, and only when it differs",
    async (subject, make) => {
      const status = (service: string, definedIndex: number, id: string, to: 0 | 1) =>
        ({ service, id, definedIndex, status: to }) as const;
      const results = await subject.apply([
        make.command({ type: "serviceSet", services: [someService("web", [1, 2])] }),
        make.command({ type: "serviceStatus", changes: [status("web", 1, "1", 1), status("web", 1, "2", 0)] }),
        make.command({ type: "serviceStatus", changes: [status("web", 1, "3", 1), status("gone", 1, "1", 1)] }),
        make.command({ type: "serviceStatus", changes: [status("web", 2, "2", 1), status("web", 1, "1", 1)] }),
        make.command({ type: "serviceStatus", changes: [status("web", 1, "2", 1), status("web", 1, "2", 0)] }),
      ]);
      expectEqual(
        results.map((result) => result!.changed),
        [1, 2, 0, 0, 2],
        "changed",
      );
      const service = subject.service("web")!;
      expectEqual(
        service.node.map((node) => node.status),
        [1, 0],
        "statuses",
      );
      expectEqual([service.definedIndex, service.modifyIndex], [1, 5], "indexes");
    },
  );

  check(
    "services come in the order of their names; the last of a name in one command counts",
    async (subject, make) => {
      const [outcome] = await subject.apply([
        make.command({
          type: "serviceSet",
          services: [
            someService("web", [1]),
            someService("Db", [2]),
            someService("constructor", [3]),
            someService("web", [4]),
          ],
        }),
      ]);
      expectEqual(outcome!.changed, 3, "changed");
      expectEqual(
        subject.services().map((service) => service.name),
        ["Db", "constructor", "web"],
        "names",
      );
      expectEqual(
        subject.service("web")!.node.map((node) => node.port),
        ["4"],
        "ports",
      );
      expect(subject.service("toString") === undefined, "a service that nobody registered");
    },
  );

  check("removing counts the services that were there", async (subject, make) => {
    const results = await subject.apply([
      make.command({ type: "serviceSet", services: [someService("a", [1]), someService("b", [1])] }),
      make.command({ type: "serviceDelete", names: ["a", "missing", "a"] }),
    ]);
    expectEqual(
      results.map((result) => result!.changed),
      [2, 1],
      "changed",
    );
    expectEqual(
      subject.services().map((service) => service.name),
      ["b"],
      "names",
    );
  });

  check("the service log id moves with what changes a service, and with nothing else", async (subject, make) => {
    const seen: number[] = [];
    for (const entry of [
      make.set(["a", "1"]),
      make.command({ type: "serviceSet", services: [someService("a", [1])] }),
      make.command({ type: "serviceStatus", changes: [{ service: "a", id: "1", definedIndex: 2, status: 1 }] }),
      make.command({ type: "serviceStatus", changes: [{ service: "a", id: "1", definedIndex: 2, status: 1 }] }),
      make.command({ type: "serviceDelete", names: ["missing"] }),
      make.command({ type: "serviceDelete", names: ["a"] }),
      make.empty(),
    ]) {
      await subject.apply([entry]);
      seen.push(Math.floor(subject.serviceLogId() / 10_000));
    }
    expectEqual(seen, [0, 2, 3, 3, 3, 6, 6], "indexes in the service log ids");
  });
}
