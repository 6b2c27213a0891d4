import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, describe, expect, test } from "vitest";
import { customProbe } from "../src/index.ts";

const folder = mkdtempSync(join(tmpdir(), "dister-custom-"));
afterAll(() => rmSync(folder, { recursive: true }));
let made = 0;

function script(text: string): string {
  const path = join(folder, `check-${made++}`);
  writeFileSync(path, `#!/bin/sh\n${text}\n`);
  chmodSync(path, 0o755);
  return path;
}

const run = (path: string, rest = "", timeoutMs = 20_000) =>
  customProbe({ script: `${path}${rest}`, allowed: [path], timeoutMs });

test.each([
  ["printf 1", true, "printed 1"],
  ["echo 1", true, "printed 1"],
  ["echo 1; exit 3", true, "printed 1"],
  ["echo 0", false, "did not print 1 and ended with exit code 0"],
  ["echo 11", false, "did not print 1 and ended with exit code 0"],
  ["echo s3cret; exit 7", false, "did not print 1 and ended with exit code 7"],
  ["echo 1 >&2", false, "did not print 1 and ended with exit code 0"],
  ["kill -9 $$", false, "did not print 1 and ended with SIGKILL"],
])("the script '%s' is ok: %s", async (text, ok, output) => {
  expect(await run(script(text))).toMatchObject({ ok, output });
});

/** Waits until every process of the list in a file has ended. */
async function allEnd(pids: string): Promise<void> {
  for (const pid of readFileSync(pids, "utf8").trim().split("\n")) {
    for (;;) {
      // What is killed stays as a zombie until its parent has looked.
      const stat = existsSync(`/proc/${pid}/stat`) ? readFileSync(`/proc/${pid}/stat`, "utf8") : "gone) Z";
      if (/\) Z/.test(stat)) break;
      await sleep(10);
    }
  }
}

describe("X10 what may run", () => {
  const evidence = join(folder, "evidence");

  test("is nothing unless it is allowed by name, and a refused script does not run", async () => {
    const path = script(`touch ${evidence}`);
    for (const [allowed, output] of [
      ["off", "custom checks are off on the node that checks"],
      [[], "the executable is not in Checks.custom of the node that checks"],
      [[`${path}x`, "/bin/sh"], "the executable is not in Checks.custom of the node that checks"],
    ] as const) {
      expect(await customProbe({ script: path, allowed, timeoutMs: 20_000 })).toMatchObject({ ok: false, output });
    }
    // Another way to write the path, and names without one, are not what was allowed.
    for (const other of [`${folder}/../${path.slice(tmpdir().length + 1)}`, "sh", "./check-0", "", "[1]", '["']) {
      expect((await customProbe({ script: other, allowed: [path, "sh"], timeoutMs: 20_000 })).ok).toBe(false);
    }
    const longer = script(`touch ${evidence}`);
    expect((await customProbe({ script: longer, allowed: [longer.slice(0, -1)], timeoutMs: 20_000 })).ok).toBe(false);
    expect(existsSync(evidence)).toBe(false);
  });

  test("gets its words as they are: no shell looks at them", async () => {
    const out = join(folder, "words");
    const path = script(`printf '%s\\n' "$@" > ${out}; echo 1`);
    const words = [
      ";touch",
      evidence,
      "$(touch",
      `${evidence})`,
      "`id`",
      "|",
      "&&",
      "*",
      ">",
      evidence,
      "$HOME",
      "'a",
      "b'",
    ];
    expect(await run(path, ` ${words.join("  ")}`)).toMatchObject({ ok: true });
    expect(readFileSync(out, "utf8").trimEnd().split("\n")).toEqual(words);
    const list = JSON.stringify([path, "two words", "$HOME;id", ""]);
    expect(await customProbe({ script: list, allowed: [path], timeoutMs: 20_000 })).toMatchObject({ ok: true });
    expect(readFileSync(out, "utf8").split("\n")).toEqual(["two words", "$HOME;id", "", ""]);
    expect(existsSync(evidence)).toBe(false);
  });

  test("finds nothing of this process in its environment", async () => {
    const out = join(folder, "environment");
    process.env["DISTER_SECRET"] = "s3cret";
    try {
      expect(await run(script(`/usr/bin/env > ${out}; /bin/pwd >> ${out}; echo 1`))).toMatchObject({ ok: true });
    } finally {
      delete process.env["DISTER_SECRET"];
    }
    const names = readFileSync(out, "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => line.split("=", 1)[0]);
    expect(names.filter((name) => !["PATH", "LANG", "PWD", "OLDPWD", "_", "SHLVL"].includes(name!))).toEqual(["/"]);
  });

  test("is ended with all that it started when its time is over", async () => {
    const pids = join(folder, "pids");
    const path = script(`sleep 1000 & echo $! > ${pids}; sleep 1000 & echo $! >> ${pids}; echo $$ >> ${pids}; wait`);
    const probing = run(path, "", 400);
    expect(await probing).toMatchObject({ ok: false, output: "timed out after 400 ms" });
    await allEnd(pids);
  });

  test("leaves nothing behind that it started and did not wait for", async () => {
    const pids = join(folder, "left-pids");
    // One of them would hold what it prints to open, the other does not.
    const path = script(`sleep 1000 & echo $! > ${pids}; sleep 1000 > ${folder}/null & echo $! >> ${pids}; echo 1`);
    expect(await run(path)).toMatchObject({ ok: true, output: "printed 1" });
    await allEnd(pids);
  });

  test("is heard no more when it is over, not even what has left its process group and prints on", async () => {
    const pids = join(folder, "away-pids");
    // What is left prints until nobody is there to read it.
    const path = script(`setsid sh -c 'echo $$ > ${pids}; while echo 1; do sleep 0.05; done' & wait`);
    expect(await run(path, "", 400)).toMatchObject({ ok: false, output: "timed out after 400 ms" });
    await allEnd(pids);
  });

  test("may not print without an end", async () => {
    const path = script("while :; do echo 1111111111111111111111111111; done");
    expect(await run(path)).toMatchObject({ ok: false, output: "printed more than 1024 bytes" });
  });

  test("has to be there and executable", async () => {
    expect(await run(join(folder, "missing"))).toMatchObject({ ok: false, output: "ENOENT" });
    const path = script("echo 1");
    chmodSync(path, 0o600);
    expect(await run(path)).toMatchObject({ ok: false, output: "EACCES" });
  });
});
