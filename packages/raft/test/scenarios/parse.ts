import {
  type LogEntry,
  type LogPosition,
  type Membership,
  membershipOf,
  type NodeId,
  type RaftMessage,
  type SnapshotHeader,
} from "@dister/types";
import { member, nodeId } from "../core-cluster.ts";
import {
  accepted,
  append,
  at,
  entry,
  heartbeat,
  heartbeatReply,
  membershipEntry,
  refused,
  vote,
  voteReply,
} from "../messages.ts";

/* The counterpart of print.ts: what a script may hand to a node is written as a transcript shows it. */

/** The words of a command, taken one by one. */
export class Words {
  readonly #line: string;
  readonly #words: string[];

  constructor(line: string) {
    this.#line = line;
    this.#words = line
      .split(/\s+/)
      .map((word) => word.replace(/,$/, ""))
      .filter((word) => word !== "");
  }

  get isEmpty(): boolean {
    return this.#words.length === 0;
  }

  fail(what: string): never {
    throw new Error(`${what} in "${this.#line}"`);
  }

  next(): string {
    return this.#words.shift() ?? this.fail("too few words");
  }

  /** Takes a word if it comes next. */
  take(word: string): boolean {
    if (this.#words[0] !== word) return false;
    this.#words.shift();
    return true;
  }

  expect(word: string): void {
    if (!this.take(word)) this.fail(`no "${word}"`);
  }

  number(): number {
    const value = Number(this.next());
    return Number.isFinite(value) ? value : this.fail("no number");
  }

  /** The number behind a word, or what stands for none. */
  numberAfter(word: string, otherwise: number): number {
    return this.take(word) ? this.number() : otherwise;
  }

  position(): LogPosition {
    const parts = /^(\d+):(\d+)$/.exec(this.next());
    return parts === null ? this.fail("no position") : at(Number(parts[1]), Number(parts[2]));
  }

  node(): NodeId {
    return idOf(this.next());
  }

  /** Names up to the first word that is none. */
  names(): string[] {
    const found: string[] = [];
    while (/^[a-z]$/.test(this.#words[0] ?? "")) found.push(this.next());
    return found;
  }

  rest(): string[] {
    return this.#words.splice(0);
  }

  end(): void {
    if (!this.isEmpty) this.fail("too many words");
  }

  /** Entries up to the first word that is none: `3:1`, `3:1=text`, `3..9:1`, `4:2=(a,b/d)` for voters a, b and learner d. */
  entries(): LogEntry[] {
    const found: LogEntry[] = [];
    for (;;) {
      const parts = /^(\d+)(?:\.\.(\d+))?:(\d+)(?:=(.*))?$/.exec(this.#words[0] ?? "");
      if (parts === null) return found;
      this.#words.shift();
      const [first, term, text] = [Number(parts[1]), Number(parts[3]), parts[4]];
      const members = /^\(([a-z,]*)(?:\/([a-z,]*))?\)$/.exec(text ?? "");
      for (let index = first; index <= Number(parts[2] ?? first); index++) {
        if (members === null) found.push(text === undefined ? entry(index, term) : entry(index, term, text));
        else found.push(membershipEntry(index, term, membershipFrom(letters(members[1]), letters(members[2]))));
      }
    }
  }

  /** `voters a b, learners d` or `nobody`. */
  membership(): Membership {
    if (this.take("nobody")) return membershipOf([]);
    this.expect("voters");
    const voters = this.take("none") ? [] : this.names();
    return membershipFrom(voters, this.take("learners") ? this.names() : []);
  }
}

function letters(list: string | undefined): string[] {
  return (list ?? "").split(",").filter((name) => name !== "");
}

export function numberOf(name: string): number {
  return name.charCodeAt(0) - 96;
}

export function idOf(name: string): NodeId {
  return nodeId(numberOf(name));
}

export function membershipFrom(voters: readonly string[], learners: readonly string[]): Membership {
  return membershipOf([
    ...voters.map((name) => member(numberOf(name))),
    ...learners.map((name) => member(numberOf(name), false)),
  ]);
}

/** Reads a message as it is printed. */
export function parseMessage(words: Words): RaftMessage {
  const kind = words.next();
  words.expect("term");
  const term = words.number();
  switch (kind) {
    case "vote":
    case "prevote": {
      words.expect("last");
      const last = words.position();
      return vote(term, last, { pre: kind === "prevote", transfer: words.take("transfer") });
    }
    case "voteReply":
    case "prevoteReply": {
      const asked = words.numberAfter("asked", term);
      const granted = words.take("granted");
      if (!granted) words.expect("refused");
      return voteReply(asked, { pre: kind === "prevoteReply", granted, term });
    }
    case "append": {
      words.expect("prev");
      const prev = words.position();
      words.expect("entries");
      const entries = words.take("nothing") ? [] : words.entries();
      return append(term, prev, entries, words.numberAfter("commit", 0));
    }
    case "appendReply": {
      if (words.take("ok")) return accepted(term, words.number());
      words.expect("refused");
      const index = words.number();
      words.expect("hint");
      return refused(term, index, words.position());
    }
    case "heartbeat": {
      const commit = words.numberAfter("commit", 0);
      return heartbeat(term, commit, words.numberAfter("round", 0));
    }
    case "heartbeatReply":
      return heartbeatReply(term, words.numberAfter("round", 0));
    default:
      return parseSmall(kind, term, words);
  }
}

function parseSmall(kind: string, term: number, words: Words): RaftMessage {
  switch (kind) {
    case "readIndex":
    case "readIndexReply": {
      words.expect("id");
      const id = words.number();
      if (kind === "readIndex") return { type: kind, term, id };
      words.expect("index");
      return { type: kind, term, id, index: words.number() };
    }
    case "suspectReply": {
      words.expect("matched");
      const matched = words.number();
      words.expect("hint");
      return { type: kind, term, matched, hint: words.position() };
    }
    case "timeoutNow":
    case "stand":
      return { type: kind, term };
    case "compare":
      words.expect("round");
      return { type: kind, term, round: words.number() };
    case "compareReply": {
      words.expect("round");
      const round = words.number();
      words.expect("last");
      const last = words.position();
      words.expect("score");
      const [scoreCount, score] = words.next().split("/").map(Number);
      const leaderAlive = words.take("leader");
      words.expect(leaderAlive ? "heard" : "no");
      if (!leaderAlive) words.expect("leader");
      return { type: kind, term, round, last, scoreCount: scoreCount!, score: score!, leaderAlive };
    }
    default:
      return words.fail(`no message "${kind}"`);
  }
}

/** `term 3 at 5:2 voters a b`: the head of a snapshot. */
export function parseHeader(words: Words): SnapshotHeader {
  words.expect("term");
  const term = words.number();
  words.expect("at");
  const position = words.position();
  return { term, position, membership: words.membership() };
}
