import { expect, test } from "vitest";
import { driver } from "./driver-socket.ts";
import { reasonOf, runProbe } from "./probe.ts";

const missing = "not-there-at-all";

test("a driver that is not installed makes a check fail with what to install, and nothing else", async () => {
  const result = await runProbe({ timeoutMs: 10_000 }, {}, (finish) => {
    driver("mysql2", () => import(missing)).catch((error: unknown) => finish(false, reasonOf(error)));
    return () => {};
  });
  const output = "the driver is not installed beside the node that checks: npm install mysql2";
  expect(result).toMatchObject({ ok: false, output });
});

test("what a driver itself lacks is told as it is", async () => {
  const broken = Object.assign(new Error("broken"), { code: "ERR_DLOPEN_FAILED" });
  await expect(driver("pg", () => Promise.reject(broken))).rejects.toBe(broken);
});
