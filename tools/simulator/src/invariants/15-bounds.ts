import type { CoreStatus } from "@dister/raft";
import type { NodeId, RaftMessage } from "@dister/types";
import type { Process } from "../world/process.ts";
import type { Invariant } from "./invariant.ts";

/** Open files, the size of a message and the messages under way stay within what was set. */
export class Bounds implements Invariant {
  readonly name = "15-bounds";

  sent({ machine, name }: Process, to: NodeId, message: RaftMessage): void {
    if (message.type !== "append" || message.entries.length < 2) return;
    const bytes = message.entries.reduce((sum, { payload }) => sum + payload.length, 0);
    const allowed = machine.setting.raft.appendBytesMax!;
    if (bytes > allowed) throw new Error(`${name} sent ${bytes} bytes to ${to}, allowed are ${allowed}`);
  }

  stepped({ machine, model, name }: Process, { lastIndex, firstIndex }: CoreStatus): void {
    const open = machine.disk.files.handlesOpen;
    // A batch keeps every file open that it is written to.
    if (model!.isIdle && open > machine.setting.log.openFilesMax! + 6)
      throw new Error(`${name} has ${open} files open`);
    const { checkpointEntries, keepEntries, holdEntries } = machine.setting.compaction;
    const kept = lastIndex - firstIndex + 1;
    // Entries that are not applied yet cannot go, and a snapshot that is read holds the checkpoint up for a while.
    const settled = machine.appliedDurable.index - firstIndex + 1;
    const allowed =
      checkpointEntries + Math.max(keepEntries, holdEntries) + 2 * machine.setting.log.entriesPerFile! + 64;
    if (settled > allowed)
      throw new Error(`${name} keeps ${kept} entries, ${settled} of them settled; allowed ${allowed}`);
  }
}
