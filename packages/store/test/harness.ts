import { createHash } from "node:crypto";
import {
  type Command,
  ENTRY_KIND,
  encodeMembership,
  type LogEntry,
  type Membership,
  NO_LOGGER,
  type SnapshotSource,
  type StateMachine,
} from "@dister/types";
import { encodeCommand, openStore } from "../src/index.ts";

export const TIME_MS = 1_790_000_000_000;

/** Opens a store without a logger. */
export function open(path = ":memory:") {
  return openStore({ components: { logger: NO_LOGGER }, options: { path } });
}

/** An entry with a command; request ids differ unless one is named. */
export function commandEntry(
  index: number,
  command: Command,
  given: { requestId?: string; timeMs?: number; r?: number } = {},
): LogEntry {
  const { requestId = `r${index}`, timeMs = TIME_MS, r = index % 10_000 } = given;
  return { index, term: 1, r, kind: ENTRY_KIND.command, payload: encodeCommand({ requestId, timeMs, command }) };
}

/** An entry that sets pairs. */
export function setEntry(index: number, ...pairs: (readonly [string, string])[]): LogEntry {
  return commandEntry(index, { type: "kvSet", pairs });
}

export function membershipEntry(index: number, membership: Membership): LogEntry {
  return { index, term: 1, r: 0, kind: ENTRY_KIND.membership, payload: encodeMembership(membership) };
}

/** Reads a snapshot to its end. */
export async function drain(source: SnapshotSource): Promise<Buffer[]> {
  try {
    const chunks: Buffer[] = [];
    for await (const chunk of source.chunks) chunks.push(Buffer.from(chunk));
    return chunks;
  } finally {
    source.close();
  }
}

/** Sends a snapshot from one state machine to another. */
export async function transfer(from: StateMachine, to: StateMachine): Promise<void> {
  const source = await from.snapshot();
  const sink = await to.restore(source.position, source.membership);
  for (const chunk of await drain(source)) await sink.write(chunk);
  await sink.commit();
}

/** Text that does not compress and does not repeat, made of a number alone. */
export function textOf(seed: number, length: number): string {
  let text = "";
  for (let part = 0; text.length < length; part++) {
    text += createHash("sha256").update(`${seed} ${part}`).digest("hex");
  }
  return text.slice(0, length);
}
