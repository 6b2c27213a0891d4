import {
  decodeMembership,
  ENTRY_KIND,
  type HardState,
  type LogEntry,
  type LogPosition,
  type Membership,
  type NodeId,
  type RaftMessage,
  type SnapshotHeader,
  type SnapshotReply,
  type VoteReply,
  type VoteRequest,
} from "@dister/types";
import type { Write } from "../../src/index.ts";

/*
 * How a transcript shows things. Every message is printed by an explicit list of its fields: a field that is added to a
 * message changes no transcript until somebody decides that it should.
 */

/** What travels beside the messages: a snapshot and the answer to it. */
export type SnapshotMessage =
  | { readonly type: "snapshot"; readonly header: SnapshotHeader; readonly applied: readonly AppliedEntry[] }
  | { readonly type: "snapshotReply"; readonly reply: SnapshotReply };

export type Traffic = RaftMessage | SnapshotMessage;

/** An entry as the state machine of a transcript keeps it. */
export interface AppliedEntry {
  readonly position: LogPosition;
  readonly text: string;
}

/** Text of the entry that stands for all that a log or a snapshot no longer holds. */
export const OF_A_SNAPSHOT = "(of a snapshot)";

/** Nodes are called a, b, c... after their numbers 1, 2, 3... */
export function nameOf(id: NodeId): string {
  return String.fromCharCode(96 + Number.parseInt(id, 16));
}

export function printPosition({ index, term }: LogPosition): string {
  return `${index}:${term}`;
}

/** Entries as `index:term`; four and more of one term as `first..last:term`. */
export function printLog(entries: readonly LogPosition[]): string {
  const parts: string[] = [];
  for (let at = 0; at < entries.length; ) {
    const first = entries[at]!;
    let end = at;
    while (entries[end + 1]?.term === first.term) end++;
    const run = entries.slice(at, end + 1);
    if (run.length >= 4) parts.push(`${first.index}..${entries[end]!.index}:${first.term}`);
    else parts.push(...run.map(printPosition));
    at = end + 1;
  }
  return parts.join(" ");
}

/** Entries with what they hold; of those that a log was given without a text, the positions alone. */
export function printApplied(entries: readonly AppliedEntry[]): string {
  const parts: string[] = [];
  let plain: LogPosition[] = [];
  const flush = (): void => {
    if (plain.length > 0) parts.push(printLog(plain));
    plain = [];
  };
  for (const { position, text } of entries) {
    if (text === `${position.index}.${position.term}`) plain.push(position);
    else {
      flush();
      parts.push(`${printPosition(position)} ${text}`);
    }
  }
  flush();
  return parts.join(", ");
}

export function printMembership(membership: Membership): string {
  const named = (voter: boolean): string =>
    membership.members
      .filter((member) => member.voter === voter)
      .map((member) => nameOf(member.id))
      .join(" ");
  const [voters, learners] = [named(true), named(false)];
  if (voters === "" && learners === "") return "nobody";
  return `voters ${voters || "none"}${learners === "" ? "" : `, learners ${learners}`}`;
}

/** What an entry holds: its text, shortened when it is long. */
export function entryText({ kind, payload }: LogEntry): string {
  if (kind === ENTRY_KIND.empty) return "(empty)";
  if (kind === ENTRY_KIND.membership) return `(${printMembership(decodeMembership(payload))})`;
  return payload.length > 20 ? `(${payload.length} bytes)` : Buffer.from(payload).toString();
}

export function printWrite({ seq, entries, hardState }: Write): string {
  const parts = [];
  if (hardState !== undefined) parts.push(printHardState(hardState));
  if (entries.length > 0) parts.push(`entries ${printLog(entries)}`);
  return `write ${seq}: ${parts.join(", ")}`;
}

function printHardState({ term, vote }: HardState): string {
  return `term ${term} vote ${vote === null ? "-" : nameOf(vote)}`;
}

export function printMessage(message: Traffic): string {
  switch (message.type) {
    case "vote":
      return printVote(message);
    case "voteReply":
      return printVoteReply(message);
    case "append": {
      const entries = message.entries.length === 0 ? "nothing" : printLog(message.entries);
      return `append term ${message.term} prev ${printPosition(message.prev)} entries ${entries} commit ${message.commit}`;
    }
    case "appendReply":
      return message.ok
        ? `appendReply term ${message.term} ok ${message.index}`
        : `appendReply term ${message.term} refused ${message.index} hint ${printPosition(message.hint)}`;
    case "heartbeat":
      return `heartbeat term ${message.term} commit ${message.commit} round ${message.round}`;
    case "heartbeatReply":
      return `heartbeatReply term ${message.term} round ${message.round}`;
    case "readIndex":
      return `readIndex term ${message.term} id ${message.id}`;
    case "readIndexReply":
      return `readIndexReply term ${message.term} id ${message.id} index ${message.index}`;
    case "compare":
      return `compare term ${message.term} round ${message.round}`;
    case "compareReply": {
      const { term, round, last, scoreCount, score, leaderAlive } = message;
      const leader = leaderAlive ? "leader heard" : "no leader";
      return `compareReply term ${term} round ${round} last ${printPosition(last)} score ${scoreCount}/${score} ${leader}`;
    }
    case "suspectReply":
      return `suspectReply term ${message.term} matched ${message.matched} hint ${printPosition(message.hint)}`;
    case "snapshot":
    case "snapshotReply":
      return printSnapshotMessage(message);
    default: // timeoutNow, stand, and what else holds nothing to show.
      return `${message.type} term ${message.term}`;
  }
}

function printVote({ pre, term, last, transfer }: VoteRequest): string {
  return `${pre ? "prevote" : "vote"} term ${term} last ${printPosition(last)}${transfer ? " transfer" : ""}`;
}

function printVoteReply({ pre, term, asked, granted }: VoteReply): string {
  return `${pre ? "prevoteReply" : "voteReply"} term ${term} asked ${asked} ${granted ? "granted" : "refused"}`;
}

function printSnapshotMessage(message: SnapshotMessage): string {
  if (message.type === "snapshotReply") {
    const { term, ok, index } = message.reply;
    return `snapshotReply term ${term} ${ok ? `ok ${index}` : "refused"}`;
  }
  const { term, position, membership } = message.header;
  return `snapshot term ${term} at ${printPosition(position)} ${printMembership(membership)}`;
}

/** The word that a command names a message by. */
export function kindOf(message: Traffic): string {
  if (message.type === "vote") return message.pre ? "prevote" : "vote";
  if (message.type === "voteReply") return message.pre ? "prevoteReply" : "voteReply";
  return message.type;
}

/** Ids inside a text of the core become names. */
export function withNames(text: string): string {
  return text.replaceAll(/\b0{14}[0-9A-F]{2}\b/g, nameOf);
}

/** Groups nodes that have the same to say, in the order of the first of each: `a c  <text>`. */
export function grouped(lines: readonly { readonly name: string; readonly text: string }[]): string[] {
  const byText = new Map<string, string[]>();
  for (const { name, text } of lines) byText.set(text, [...(byText.get(text) ?? []), name]);
  return [...byText].map(([text, names]) => `${names.join(" ")}  ${text}`);
}
