import { statSync } from "node:fs";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import type { FileHandle } from "@dister/types";
import { type DumpedFile, type DumpedState, dumpFile, dumpState } from "./dump.ts";
import { baseIndexOf, STATE_NAME } from "./file-header.ts";
import { NodeFileSystem } from "./node-file-system.ts";

/** Exit codes: everything is sound, something is damaged, the command or the path cannot be used. */
const EXIT = { sound: 0, damaged: 1, unusable: 2 } as const;

const USAGE = `usage: dister-logdump [--json] <file.dlog | state | folder>
Prints a log record by record, and the copy of its hard state, and changes nothing.
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
    const { names, stateName } = namesIn(path);
    const files = names.map((name) => dumpPath(name, dumpFile));
    const state = stateName === undefined ? undefined : dumpPath(stateName, dumpState);
    const dumped = state === undefined ? files : [...files, state];
    const problems = dumped.flatMap((file) => file.problems.map((problem) => `${file.path}: ${problem}`));
    problems.push(...brokenLinks(files));
    if (isJson) {
      console.log(JSON.stringify({ files, state, problems }));
    } else {
      print(files);
      if (state !== undefined) printState(state);
      for (const problem of problems) console.log(`PROBLEM ${problem}`);
    }
    return problems.length === 0 ? EXIT.sound : EXIT.damaged;
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    return EXIT.unusable;
  }
}

/** What to dump. Files that were kept of a damaged log are not part of it: they are dumped when they are named. */
function namesIn(path: string): { names: string[]; stateName: string | undefined } {
  if (!statSync(path).isDirectory()) {
    return basename(path) === STATE_NAME ? { names: [], stateName: path } : { names: [path], stateName: undefined };
  }
  const all = new NodeFileSystem().list(path);
  const names = all.filter((name) => baseIndexOf(name) !== undefined);
  if (names.length === 0) throw new Error(`${path} holds no log file`);
  const stateName = all.includes(STATE_NAME) ? join(path, STATE_NAME) : undefined;
  return { names: names.map((name) => join(path, name)), stateName };
}

function dumpPath<T>(path: string, dump: (handle: FileHandle) => T): T {
  const handle = new NodeFileSystem().open(path, "read");
  try {
    return dump(handle);
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

function print(files: readonly DumpedFile[]): void {
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
}

function printState({ path, slots }: DumpedState): void {
  console.log(path);
  for (const slot of slots) {
    if (slot === undefined) {
      console.log("  cannot be read");
      continue;
    }
    const { sequence, nodeId, hardState, suspect, damagedFile, cut } = slot;
    const { term, vote, commit } = hardState;
    console.log(`  sequence ${sequence}, node ${nodeId}: term ${term}, vote ${vote ?? "none"}, commit ${commit}`);
    if (suspect.index > 0) console.log(`    SUSPECT up to index ${suspect.index}, since term ${suspect.term}`);
    if (damagedFile > 0)
      console.log(`    the file of base index ${damagedFile} was found damaged and is to be read whole`);
    if (cut.baseIndex > 0)
      console.log(`    a cut of the file of base index ${cut.baseIndex} at ${cut.end} is under way`);
  }
}

const WIDTHS = [12, 9, 11, 12, 8, 6, 5, 6, 9];

function row(cells: readonly (string | number)[]): string {
  return `  ${cells.map((cell, at) => String(cell).padEnd(WIDTHS[at]!)).join(" ")}`.trimEnd();
}

process.exitCode = main();
