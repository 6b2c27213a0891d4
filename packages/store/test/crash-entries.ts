import { type Command, ENTRY_KIND, type LogEntry } from "@dister/types";
import { encodeCommand } from "../src/index.ts";

/** Entries that a restored snapshot is ahead by. */
export const FURTHER = 30;

/** The entry at an index: the same in every process. */
export function crashEntry(index: number): LogEntry {
  const stamped = { requestId: `r${index}`, timeMs: 1_790_000_000_000 + index, command: commandAt(index) };
  return { index, term: 1, r: 0, kind: ENTRY_KIND.command, payload: encodeCommand(stamped) };
}

function commandAt(index: number): Command {
  if (index % 50 === 1) {
    const node = { id: "a", host: "h", port: String(index), status: 0 as const, priority: "1", interval: "2000" };
    return { type: "serviceSet", services: [{ name: "s", type: "tcp", node: [{ ...node, ...TIMES }] }] };
  }
  const value = String(index).repeat(20);
  return {
    type: "kvSet",
    pairs: [
      ["last", String(index)],
      [`key ${index % 100}`, value],
    ],
  };
}

const TIMES = { timeout: "2000", rise: "1", fall: "1" };

/** The index of the last entry up to `index` that wrote the key "last". */
export function lastWrittenAt(index: number): number {
  return index % 50 === 1 ? index - 1 : index;
}
