import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { FakeApi } from "./fake-api.ts";

const MAIN = fileURLToPath(new URL("../src/main.ts", import.meta.url));

function dister(...argv: string[]): { status: number | null; stdout: string; stderr: string } {
  const env = { ...process.env, DISTER_URL: "http://127.0.0.1:1" };
  return spawnSync(process.execPath, ["--conditions=@dister/source", MAIN, ...argv], { env, encoding: "utf8" });
}

test("the program answers on standard output, explains on standard error and exits with the code", () => {
  expect(dister("--version")).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
    stderr: "",
  });
  expect(dister("kvs")).toMatchObject({
    status: 3,
    stdout: "",
    stderr: expect.stringMatching(/^ERROR: connect to local dister api failed\n/),
  });
});

/** A process that watches the services of an API; it has shown them when this resolves. */
async function watching(): Promise<{ api: FakeApi; child: ChildProcess; shown: () => string }> {
  const api = await FakeApi.start();
  api.on("GET /service", {});
  const env = { ...process.env, DISTER_URL: api.url };
  const argv = ["--conditions=@dister/source", MAIN, "service", "ls", "--watch"];
  const child = spawn(process.execPath, argv, { env, stdio: ["ignore", "pipe", "pipe"] });
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await api.close();
  });
  let shown = "";
  for (const stream of [child.stdout!, child.stderr!]) stream.on("data", (text) => (shown += String(text)));
  await once(child.stdout!, "data");
  return { api, child, shown: () => shown };
}

test.each(["SIGINT", "SIGTERM"] as const)("a watch ends on %s with exit code 0 and says nothing", async (signal) => {
  const { child, shown } = await watching();
  child.kill(signal);
  expect(await once(child, "exit")).toEqual([0, null]);
  expect(shown()).toBe("no service is registered\n");
});

test("a watch whose reader has gone ends with exit code 0 at the next change, and says nothing", async () => {
  const { api, child, shown } = await watching();
  child.stdout!.destroy();
  api.on("GET /service", { web: { name: "web", type: "tcp", node: [] } });
  expect(await once(child, "exit")).toEqual([0, null]);
  expect(shown()).toBe("no service is registered\n");
});
