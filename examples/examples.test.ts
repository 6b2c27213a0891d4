import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const folder = fileURLToPath(new URL(".", import.meta.url));
const files = readdirSync(folder).filter((file) => /^\d\d-.*\.mjs$/.test(file));

it("are listed in their README, every one", () => {
  const listed = [...readFileSync(`${folder}README.md`, "utf8").matchAll(/`(\d\d-[\w-]+\.mjs)` *\|/g)].map(
    ([, file]) => file,
  );
  expect(listed).toEqual(files);
});

it.each(files)("%s prints what it says", async (file) => {
  const says = [...readFileSync(folder + file, "utf8").matchAll(/^\/\/ prints: (.*)$/gm)].map(([, line]) => line);
  const { stdout } = await promisify(execFile)(process.execPath, [folder + file]);
  expect(stdout.trimEnd().split("\n")).toEqual(says);
});
