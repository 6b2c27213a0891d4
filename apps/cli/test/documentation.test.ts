import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { EXIT } from "../src/index.ts";
import { buildProgram } from "../src/program.ts";

const nothing = (): Promise<void> => Promise.resolve();
const program = buildProgram(
  { ask: nothing, change: nothing, up: nothing, daemon: nothing, watch: nothing, show: () => {} },
  () => {},
);
const commands = program.commands.flatMap((command) =>
  command.commands.length === 0
    ? [command.name(), ...command.aliases()]
    : command.commands.map((one) => `${command.name()} ${one.name()}`),
);
const all = [program, ...program.commands, ...program.commands.flatMap((command) => command.commands)];
const options = all.flatMap((command) => command.options.map(({ long }) => long!));

test.each(["../README.md", "../../../docs/reference/cli.md"])("%s has every command, option and exit code", (path) => {
  const text = readFileSync(new URL(path, import.meta.url), "utf8");
  expect(commands).toContain("kv get");
  const missing = [
    ...commands.filter((name) => !new RegExp(`\`${name.replace("?", "\\?")}[ \`]`).test(text)),
    ...options.filter((option) => option !== "--version" && !text.includes(option)),
    ...Object.values(EXIT).filter((code) => !text.includes(`\n| ${code} | `)),
  ];
  expect(missing).toEqual([]);
});
