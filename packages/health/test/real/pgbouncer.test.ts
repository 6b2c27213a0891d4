import { ServiceConfigSchema } from "@dister/types/schemas";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ProbeResult, probeFor } from "../../src/index.ts";
import { installed, type RealServer, startServer } from "./process.ts";
import { LOGIN, pgbouncer, postgres } from "./recipes.ts";

const isThere = [postgres, pgbouncer(0)].every((recipe) => installed(recipe) !== undefined);

function probe(port: number, fields: object = {}): Promise<ProbeResult> {
  const node = [{ host: "127.0.0.1", port, ...LOGIN, timeout: 20_000, ...fields }];
  return probeFor("pgsql", ServiceConfigSchema.parse({ name: "s", type: "pgsql", node }).node[0]!)();
}

describe("pgsql through a real PgBouncer", () => {
  describe.skipIf(!isThere)("which is installed", () => {
    let database: RealServer;
    let pool: RealServer;
    beforeAll(async () => {
      database = await startServer(postgres);
      pool = await startServer(pgbouncer(database.port));
    }, 60_000);
    afterAll(async () => {
      await pool?.end();
      await database?.end();
    });

    test("it is up", async () => {
      expect(await probe(pool.port)).toMatchObject({ ok: true, output: "logged in and answered" });
    });

    test("a wrong password is a failure", async () => {
      expect(await probe(pool.port, { pass: "wr0ng" })).toMatchObject({ ok: false });
    });

    test("down while the database behind it is, and up with it again", { timeout: 30_000 }, async () => {
      await database.kill();
      expect(await probe(pool.port)).toMatchObject({ ok: false });
      await database.restart();
      let result: ProbeResult;
      // It waits a moment before it tries the database again.
      do result = await probe(pool.port);
      while (!result.ok);
    });
  });
});
