import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { packAll } from "../src/pack.ts";
import { publishedPackages, ROOT } from "../src/published.ts";
import { readmeExample } from "../src/readme-example.ts";
import { run } from "../src/run.ts";

const packages = publishedPackages();
const work = mkdtempSync(join(tmpdir(), "dister-packages-"));
let tarballs: Map<string, string>;

beforeAll(async () => {
  tarballs = await packAll(packages, work);
});
afterAll(() => rmSync(work, { recursive: true, force: true }));

describe.each(packages)("$name, packed", ({ name, folder, needs }) => {
  it("has a sound manifest", async () => {
    const { messages, pkg } = await publint({ strict: true, pack: { tarball: await tarballOf(name) } });
    expect(messages.map((message) => formatMessage(message, pkg))).toEqual([]);
  });

  it("has types that an ESM project can read", async () => {
    const attw = join(ROOT, "node_modules/.bin/attw");
    await run(attw, ["--profile", "esm-only", "--format", "ascii", tarballs.get(name)!], ROOT);
  });

  it("runs its README's example, installed alone with npm in an empty folder", async () => {
    const home = mkdtempSync(join(work, "alone-"));
    writeFileSync(join(home, "package.json"), '{ "name": "alone", "private": true, "type": "module" }\n');
    const files = needs.map((one) => tarballs.get(one)!);
    await run("npm", ["install", "--no-audit", "--no-fund", ...files], home);
    writeFileSync(join(home, "example.js"), readmeExample(folder));
    const printed = await run(process.execPath, ["example.js"], home);
    expect(printed.trim()).not.toBe("");
  });
});

async function tarballOf(name: string): Promise<ArrayBuffer> {
  const { readFile } = await import("node:fs/promises");
  const bytes = await readFile(tarballs.get(name)!);
  return new Uint8Array(bytes).buffer;
}
