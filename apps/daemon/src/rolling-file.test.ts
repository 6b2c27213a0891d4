import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { RollingFile, type RollingFileOptions } from "./rolling-file.ts";

let root: string;
let nowMs: number;
let told: string[];
const files: RollingFile[] = [];
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "dister-rolling-"));
  nowMs = 0;
  told = [];
});
afterEach(() => {
  for (const file of files.splice(0)) file.close();
  chmodSync(root, 0o700);
  rmSync(root, { recursive: true });
});

function open(options: Partial<RollingFileOptions> = {}): RollingFile {
  const all = { folder: join(root, "log"), name: "disterd", bytesMax: 100, filesMax: 3, ...options };
  const file = new RollingFile(all, { tell: (text) => told.push(text), nowMs: () => nowMs });
  files.push(file);
  return file;
}
const names = (): string[] => readdirSync(join(root, "log")).sort();
const text = (name: string): string => readFileSync(join(root, "log", name), "utf8");
const line = (i: number): string => `${String(i).padStart(48, "0")}\n`; // 49 bytes: two fit into a file of 100.

describe("log files", () => {
  it("are closed before they grow too large, without cutting a line, and the oldest go", () => {
    const file = open();
    for (let i = 0; i < 11; i++) file.write(line(i));
    expect(names()).toEqual(["disterd.4.log", "disterd.5.log", "disterd.6.log"]);
    expect(names().map(text)).toEqual([line(6) + line(7), line(8) + line(9), line(10)]);
  });

  it("hold a line that is larger than a whole file", () => {
    const file = open();
    file.write(line(0));
    file.write(`${"x".repeat(500)}\n`);
    file.write(line(1));
    expect(names().map((name) => text(name).length)).toEqual([49, 501, 49]);
  });

  it("are gone on with by the next start, those of earlier starts counted in", () => {
    for (let start = 0; start < 6; start++) {
      const file = open();
      file.write(line(start));
      file.close();
    }
    expect(names()).toEqual(["disterd.1.log", "disterd.2.log", "disterd.3.log"]);
    const file = open();
    for (let i = 6; i < 9; i++) file.write(line(i));
    expect(names()).toEqual(["disterd.3.log", "disterd.4.log", "disterd.5.log"]);
  });

  it("leave files of others alone", () => {
    open().close();
    for (const name of ["other.1.log", "disterd.txt", "disterd.x.log", "disterd.1.log.gz"]) {
      writeFileSync(join(root, "log", name), "mine");
    }
    const file = open({ filesMax: 1 });
    for (let i = 0; i < 9; i++) file.write(line(i));
    expect(names()).toEqual(["disterd.1.log.gz", "disterd.5.log", "disterd.txt", "disterd.x.log", "other.1.log"]);
  });
});

/** A folder that cannot be written, also by root: something else lies in its place. */
function breakFolder(): void {
  rmSync(join(root, "log"), { recursive: true });
  writeFileSync(join(root, "log"), "");
}

describe("a folder that cannot be written any more", () => {
  it("costs lines and one word to people, and stops nobody", () => {
    const file = open();
    file.write(line(0));
    file.write(line(1));
    breakFolder();
    for (let i = 2; i < 1_000; i++) {
      nowMs += 10;
      file.write(line(i));
    }
    expect(told).toEqual([
      expect.stringMatching(/^log lines cannot be written to .*log and are lost until they can: /),
    ]);
  });

  it("is written again when it can be, and the number of lost lines is told", () => {
    const file = open();
    file.write(line(0));
    file.write(line(1));
    breakFolder();
    for (let i = 0; i < 5; i++) file.write(line(2));
    rmSync(join(root, "log"));
    file.write(line(3)); // Not tried again before a second has passed.
    nowMs += 1_000;
    file.write(line(4));
    expect(told.slice(1)).toEqual([expect.stringMatching(/written to .*log again; 6 were lost$/)]);
    expect(names().map(text)).toEqual([line(4)]);
  });

  it("is made anew when it was removed, within a second", () => {
    const file = open();
    file.write(line(0));
    rmSync(join(root, "log"), { recursive: true });
    nowMs += 1_000;
    file.write(line(1));
    expect([names(), told]).toEqual([["disterd.1.log"], []]);
    expect(text("disterd.1.log")).toBe(line(1));
  });

  it("is refused at the start", () => {
    writeFileSync(join(root, "log"), "");
    expect(() => open()).toThrow(/EEXIST|ENOTDIR/);
  });
});
