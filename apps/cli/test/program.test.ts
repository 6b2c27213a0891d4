import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

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
