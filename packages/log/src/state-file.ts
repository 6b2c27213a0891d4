import { join } from "node:path";
import { DisterError, type FileHandle, type FileSystem, invariant, type NodeId } from "@dister/types";
import { corruptAt } from "./file-check.ts";
import { STATE_DRAFT_NAME, STATE_NAME } from "./file-header.ts";
import type { LogContext } from "./log-context.ts";
import {
  decodeStateSlot,
  encodeStateSlot,
  STATE_SLOT_BYTES,
  STATE_SLOT_OFFSETS,
  type StateValues,
} from "./state-slot.ts";

/**
 * The second copy of the hard state, with what else must survive the loss of log records. Two slots are written by turns,
 * so that a write that is cut leaves the one before.
 */
export class StateFile {
  readonly path: string;
  readonly #fileSystem: FileSystem;
  readonly #directory: string;
  readonly #nodeId: NodeId;
  #handle: FileHandle | undefined;
  #values: StateValues | undefined;
  #sequence = 0;
  /** Slot that is written next: the older one, or the one that cannot be read. */
  #nextSlot: 0 | 1 = 0;
  #isWhole = false;

  /**
   * Reads the copy of a folder; nothing is changed.
   * @throws DisterError `DISTER_ERR_IDENTITY` when it is another node's, `DISTER_ERR_LOG_CORRUPT` for another version.
   */
  constructor({ fileSystem, directory, identity }: LogContext) {
    this.path = join(directory, STATE_NAME);
    this.#fileSystem = fileSystem;
    this.#directory = directory;
    this.#nodeId = identity.nodeId;
    if (!fileSystem.exists(this.path)) return;
    this.#handle = fileSystem.open(this.path, "write");
    try {
      this.#read(this.#handle);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** What the newest slot that can be read says; undefined when there is none. */
  get values(): StateValues | undefined {
    return this.#values;
  }

  /** True when both slots are sound and follow each other, so that no newer one can have been lost. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  /** True when there is a file, readable or not. */
  get exists(): boolean {
    return this.#handle !== undefined;
  }

  /** Writes the older slot; durable with the next sync. */
  write(values: StateValues): void {
    invariant(this.#handle !== undefined, "the state has been stored before");
    const slot = { ...values, sequence: this.#sequence + 1, nodeId: this.#nodeId };
    this.#handle.writeAt([encodeStateSlot(slot)], STATE_SLOT_OFFSETS[this.#nextSlot]);
    this.#sequence++;
    this.#nextSlot = this.#nextSlot === 0 ? 1 : 0;
    this.#values = values;
  }

  datasync(): Promise<void> {
    return this.#handle!.datasync();
  }

  datasyncNow(): void {
    this.#handle!.datasyncNow();
  }

  /** Writes both slots, durably when it returns: what they say then survives the loss of either. */
  storeNow(values: StateValues): void {
    if (this.#values === undefined) {
      this.#make(values);
      return;
    }
    // The other slot may still be on its way: it must be there before this one is touched.
    this.datasyncNow();
    for (const _ of STATE_SLOT_OFFSETS) {
      this.write(values);
      this.#handle!.datasyncNow();
    }
    this.#isWhole = true;
  }

  close(): void {
    this.#handle?.close();
    this.#handle = undefined;
  }

  #read(handle: FileHandle): void {
    const slots = STATE_SLOT_OFFSETS.map((offset) => {
      const bytes = new Uint8Array(STATE_SLOT_BYTES);
      handle.readAt(bytes, offset);
      const slot = decodeStateSlot(bytes);
      if (typeof slot === "string") throw corruptAt(this.path, offset, slot);
      if (slot !== undefined && slot.nodeId !== this.#nodeId) {
        const reason = `its log's state belongs to node ${slot.nodeId}, not ${this.#nodeId}`;
        throw new DisterError("DISTER_ERR_IDENTITY", { reason });
      }
      return slot;
    });
    const [first, second] = slots;
    const newest = (first?.sequence ?? -1) > (second?.sequence ?? -1) ? first : second;
    if (newest === undefined) return;
    const { sequence, nodeId: _, ...values } = newest;
    this.#values = values;
    this.#sequence = sequence;
    this.#nextSlot = newest === first ? 1 : 0;
    this.#isWhole = first !== undefined && second !== undefined && Math.abs(first.sequence - second.sequence) === 1;
  }

  /** A new file takes the place of one that is missing or cannot be read. A draft that was cut is removed at the start. */
  #make(values: StateValues): void {
    this.close();
    const draft = join(this.#directory, STATE_DRAFT_NAME);
    const handle = this.#fileSystem.open(draft, "create");
    this.#handle = handle;
    try {
      for (const _ of STATE_SLOT_OFFSETS) this.write(values);
      handle.datasyncNow();
      this.#fileSystem.rename(draft, this.path);
      this.#fileSystem.syncDirectory(this.#directory);
      this.#isWhole = true;
    } catch (error) {
      this.close();
      throw error;
    }
  }
}
