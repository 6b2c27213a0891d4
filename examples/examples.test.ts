import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { missingPrograms } from "./needs.mjs";

const folder = fileURLToPath(new URL(".", import.meta.url));
const files = readdirSync(folder).filter((file) => /^\d\d-.*\.mjs$/.test(file));

it("are listed in their README, every one", () => {
  const listed = [...readFileSync(`${folder}README.md`, "utf8").matchAll(/`(\d\d-[\w-]+\.mjs)` *\|/g)].map(
    ([, file]) => file,
  );
  expect(listed).toEqual(files);
});

// Those that need a program that is not installed are skipped, and counted so.
describe.each(files)("%s", (file) => {
  it.skipIf(missingPrograms(folder + file).length > 0)("prints what it says", async () => {
    const says = [...readFileSync(folder + file, "utf8").matchAll(/^\/\/ prints: (.*)$/gm)].map(([, line]) => line);
    const { stdout } = await promisify(execFile)(process.execPath, [folder + file]);
    expect(stdout.trimEnd().split("\n")).toEqual(says);
  });
});

it("an example says which programs it needs and does not find", async () => {
  const file = `${folder}07-mariadb-and-nginx.mjs`;
  const nowhere = { env: { PATH: "/nowhere" } };
  await expect(promisify(execFile)(process.execPath, [file], nowhere)).rejects.toMatchObject({
    code: 1,
    stdout: "",
    stderr: expect.stringMatching(/^this example needs .*mariadb-install-db.*; on Debian: apt-get install .*\n$/),
  });
});

it("the definition for an nginx of one's own asks for the page that its configuration serves", () => {
  const read = (name: string): string => readFileSync(folder + name, "utf8");
  const service = JSON.parse(read("services-nginx.json")) as { node: { url: string; contains: string }[] };
  const conf = read("nginx-8080.conf");
  const [, address] = /listen (\S+);/.exec(conf)!;
  const [, path, page] = /location = (\S+) \{ return 200 "(.*)"; \}/.exec(conf)!;
  expect(service.node.map(({ url }) => url)).toEqual([`http://${address}${path}`]);
  expect(page).toContain(service.node[0]!.contains);
});
