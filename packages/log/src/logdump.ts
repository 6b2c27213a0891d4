import { statSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type DumpedFile, dumpFile } from "./dump.ts";
import { baseIndexOf } from "./file-header.ts";
import { NodeFileSystem } from "./node-file-system.ts";

/** Exit codes: everything is sound, something is damaged, the command or the path cannot be used. */
const EXIT = { sound: 0, damaged: 1, unusable: 2 } as const;

const USAGE = `usage: dister-logdump [--json] <file.dlog | folder>
Prints a log record by record and changes nothing.
exit codes: 0 sound, 1 damaged, 2 cannot be read`;

function main(): number {
  let path: string | undefined;
  let isJson = false;
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { json: { type: "boolean" }, help: { type: "boolean" } },
    });
    if (values.help === true) {
      console.log(USAGE);
      return EXIT.sound;
    }
    isJson = values.json === true;
    path = positionals.length === 1 ? positionals[0] : undefined;
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
  }
  if (path === undefined) {
    console.error(USAGE);
    return EXIT.unusable;
  }
  try {
    const files = filesOf(path).map(dumpPath);
    const problems = [...files.flatMap((file) => file.problems.map((problem) => `${file.path}: ${problem}`))];
    problems.push(...brokenLinks(files));
    if (isJson) console.log(JSON.stringify({ files, problems }));
    else print(files, problems);
    return problems.length === 0 ? EXIT.sound : EXIT.damaged;
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    return EXIT.unusable;
  }
}

function filesOf(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  const names = new NodeFileSystem().list(path).filter((name) => baseIndexOf(name) !== undefined);
  if (names.length === 0) throw new Error(`${path} holds no log file`);
  return names.map((name) => join(path, name));
}

function dumpPath(path: string): DumpedFile {
  const handle = new NodeFileSystem().open(path, "read");
  try {
    return dumpFile(handle);
  } finally {
    handle.close();
  }
}

/** Files that do not continue the one before them. */
function brokenLinks(files: readonly DumpedFile[]): string[] {
  const problems: string[] = [];
  for (const [at, file] of files.entries()) {
    const before = files[at - 1]?.header;
    if (before === undefined || file.header === undefined) continue;
    const follows =
      file.header.previousBaseIndex === before.baseIndex && files[at - 1]!.end === file.header.previousEnd;
    if (!follows) problems.push(`${file.path}: it does not continue the file before`);
  }
  return problems;
}

function print(files: readonly DumpedFile[], problems: readonly string[]): void {
  for (const { path, header, records, end } of files) {
    console.log(path);
    if (header !== undefined) {
      const { group, nodeId, clusterId, baseIndex, baseTerm, entriesPerFile, generation } = header;
      console.log(`  group ${group}, node ${nodeId}, cluster ${clusterId === "" ? "none" : clusterId}`);
      console.log(
        `  base index ${baseIndex}, base term ${baseTerm}, ${entriesPerFile} entries per file, generation ${generation}`,
      );
    }
    console.log(row(["offset", "length", "kind", "index", "term", "r", "crc", "chain", "item"]));
    for (const record of records) {
      const { offset, length, kind, index, term, r, crcOk, chainOk, item, hardState } = record;
      const cells = [offset, length, kind, index, term, r, crcOk ? "ok" : "BAD", chainOk ? "ok" : "BAD", item];
      const vote = hardState?.vote ?? "none";
      console.log(row(cells) + (hardState === undefined ? "" : `  vote ${vote}, commit ${hardState.commit}`));
    }
    console.log(`  end ${end}`);
  }
  for (const problem of problems) console.log(`PROBLEM ${problem}`);
}

const WIDTHS = [12, 9, 11, 12, 8, 6, 5, 6, 9];

function row(cells: readonly (string | number)[]): string {
  return `  ${cells.map((cell, at) => String(cell).padEnd(WIDTHS[at]!)).join(" ")}`.trimEnd();
}

process.exitCode = main();
