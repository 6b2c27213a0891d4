import { connect, type Socket } from "node:net";
import type { ServiceNode } from "@dister/types";
import { ServiceConfigSchema } from "@dister/types/schemas";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ProbedType, type ProbeResult, probeFor } from "../../src/index.ts";
import { listen, until } from "../servers.ts";
import { installed, type RealServer, type Recipe, startServer } from "./process.ts";
import { LOGIN, mariadb, nginx, postgres, redis } from "./recipes.ts";

const WRONG = "wr0ng";

function probe(type: ProbedType, fields: Record<string, unknown>): Promise<ProbeResult> {
  const node: ServiceNode = ServiceConfigSchema.parse({ name: "s", type, node: [{ timeout: 20_000, ...fields }] })
    .node[0]!;
  return probeFor(type, node)();
}

/** A way to a server on which its answers come a byte at a time. */
function slowWay(port: number) {
  return listen((socket: Socket) => {
    const onward = connect(port, "127.0.0.1");
    onward.on("error", () => socket.destroy());
    socket.on("error", () => {});
    socket.on("close", () => onward.destroy());
    socket.pipe(onward);
    const drip = async (): Promise<void> => {
      for await (const chunk of onward as AsyncIterable<Buffer>) {
        for (const byte of chunk)
          await new Promise((resolve) => socket.write(Buffer.of(byte), () => setImmediate(resolve)));
      }
      socket.end();
    };
    drip().catch(() => socket.destroy());
  });
}

interface Kind {
  readonly type: ProbedType;
  readonly name: string;
  readonly recipe: Recipe;
  readonly fields: (port: number) => Record<string, unknown>;
  readonly good: string;
  readonly wrong: readonly (readonly [what: string, fields: Record<string, unknown>, output: string])[];
}

const host = "127.0.0.1";
const kinds: Kind[] = [
  {
    type: "mysql",
    name: "MariaDB",
    recipe: mariadb,
    fields: (port) => ({ host, port, ...LOGIN }),
    good: "logged in and answered",
    wrong: [
      ["a wrong password", { pass: WRONG }, "ER_ACCESS_DENIED_ERROR"],
      ["no password", { pass: "" }, "ER_ACCESS_DENIED_ERROR"],
      ["an unknown user", { user: "s3cret" }, "ER_ACCESS_DENIED_ERROR"],
      ["an unknown database", { database: "s3cret" }, "ER_DBACCESS_DENIED_ERROR"],
    ],
  },
  {
    type: "pgsql",
    name: "PostgreSQL",
    recipe: postgres,
    fields: (port) => ({ host, port, ...LOGIN }),
    good: "logged in and answered",
    wrong: [
      ["a wrong password", { pass: WRONG }, "SQLSTATE 28P01"],
      ["no password", { pass: "" }, "refused or not understood"],
      ["an unknown user", { user: "s3cret" }, "SQLSTATE 28P01"],
      ["an unknown database", { database: "s3cret" }, "SQLSTATE 3D000"],
    ],
  },
  {
    type: "redis",
    name: "Redis",
    recipe: redis,
    fields: (port) => ({ host, port, user: LOGIN.user, pass: LOGIN.pass }),
    good: "PONG",
    wrong: [
      ["a wrong password", { pass: WRONG }, "error WRONGPASS"],
      ["no password", { pass: "" }, "error NOAUTH"],
      ["an unknown user", { user: "s3cret" }, "error WRONGPASS"],
    ],
  },
  {
    type: "web",
    name: "nginx",
    recipe: nginx,
    fields: (port) => ({ url: `http://${host}:${port}/fine`, contains: "is well" }),
    good: "status 200",
    wrong: [
      ["another text", { contains: "s3cret" }, "status 200, the body lacks the expected text"],
      ["another status", { expect: "201-299" }, "status 200"],
    ],
  },
];

// Whoever tests without one of these servers sees how many tests that left out.
describe.each(kinds)("$type against a real $name", ({ type, recipe, fields, good, wrong }) => {
  describe.skipIf(installed(recipe) === undefined)("which is installed", () => {
    let server: RealServer;
    beforeAll(async () => {
      server = await startServer(recipe);
    }, 60_000);
    afterAll(() => server?.end());

    test("it is up", async () => {
      expect(await probe(type, fields(server.port))).toMatchObject({ ok: true, output: good });
    });

    test.each(wrong)("%s is a failure that says why and repeats nothing of it", async (_what, other, output) => {
      expect(await probe(type, { ...fields(server.port), ...other })).toMatchObject({ ok: false, output });
    });

    test("it is slow, but in time", async () => {
      const way = await slowWay(server.port);
      expect(await probe(type, { ...fields(way.port) })).toMatchObject({ ok: true, output: good });
      await until(() => way.sockets.every((socket) => socket.closed));
    });

    test("paused, it takes the connection and says nothing: the check ends in time; resumed, it is up", async () => {
      server.pause();
      const output = "timed out after 150 ms";
      expect(await probe(type, { ...fields(server.port), timeout: 150 })).toMatchObject({ ok: false, output });
      server.resume();
      expect(await probe(type, fields(server.port))).toMatchObject({ ok: true });
    });

    test("killed with -9, it is down, and started again, it is up", async () => {
      await server.kill();
      expect(await probe(type, fields(server.port))).toMatchObject({ ok: false, output: "connect ECONNREFUSED" });
      await server.restart();
      expect(await probe(type, fields(server.port))).toMatchObject({ ok: true });
    });

    test("no connection is left behind by the checks", async () => {
      const before = process.getActiveResourcesInfo().filter((kind) => kind === "TCPSocketWrap").length;
      for (let n = 0; n < 5; n++) await probe(type, fields(server.port));
      const left = () => process.getActiveResourcesInfo().filter((kind) => kind === "TCPSocketWrap").length;
      await until(() => left() <= before);
    });
  });
});
