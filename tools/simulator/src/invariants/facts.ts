import type { CoreStatus } from "@dister/raft";
import { decodeMembership, ENTRY_KIND, type LogWrite, type Membership } from "@dister/types";
import { entryHash } from "../world/log-model.ts";
import type { Process } from "../world/process.ts";
import type { Invariant } from "./invariant.ts";

/** One entry, as the first log that had it. */
export interface KnownEntry {
  readonly hash: number;
  /** Term of the entry before it. */
  readonly previousTerm: number | undefined;
  readonly membership?: Membership;
}

/** What is known of a whole run; the rules share it. It is told everything before they are. */
export class Facts implements Invariant {
  readonly name = "facts";
  /** By index and term. */
  readonly entries = new Map<string, KnownEntry>();
  /** Term of every entry that any node ever knew to be committed, by index. */
  readonly committed: (number | undefined)[] = [];
  committedLast = 0;
  /** Term of the leader that committed it, by index: it is the first to know. */
  readonly committedIn: number[] = [];
  /** The membership that was committed last. */
  membership: { readonly index: number; readonly value: Membership };
  /** Highest index that was ever acknowledged to a client. */
  acknowledged = 0;

  constructor(founding: Membership) {
    this.membership = { index: 0, value: founding };
  }

  entry(index: number, term: number): KnownEntry | undefined {
    return this.entries.get(`${index} ${term}`);
  }

  handedOver(process: Process, { entries }: LogWrite): void {
    let previousTerm = entries.length > 0 ? process.log.termAt(entries[0]!.index - 1) : undefined;
    for (const entry of entries) {
      const key = `${entry.index} ${entry.term}`;
      if (!this.entries.has(key)) {
        const membership = entry.kind === ENTRY_KIND.membership ? decodeMembership(entry.payload) : undefined;
        const known = { hash: entryHash(entry), previousTerm };
        this.entries.set(key, membership === undefined ? known : { ...known, membership });
      }
      previousTerm = entry.term;
    }
  }

  stepped(process: Process, { commitIndex, appliedIndex, term: leadersTerm }: CoreStatus): void {
    for (let index = this.committedLast + 1; index <= commitIndex; index++) {
      this.committedIn[index] = leadersTerm;
      const term = process.log.termAt(index);
      // Behind a snapshot the terms are not known one by one; whoever had them committed them before.
      if (term === undefined && index <= appliedIndex) continue;
      this.committed[index] = term;
      const membership = term === undefined ? undefined : this.entry(index, term)?.membership;
      if (membership !== undefined) this.membership = { index, value: membership };
    }
    this.committedLast = Math.max(this.committedLast, commitIndex);
  }
}
