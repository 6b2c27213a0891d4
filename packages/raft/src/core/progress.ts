import { Level } from "./level.ts";

/** Answers to fresh questions that show that a peer has lost what it acknowledged. */
const REFUSALS_THAT_PROVE = 3;

/** What a leader knows of one peer (states as in the Raft literature: probe, replicate, snapshot). */
export class Progress {
  /** Highest index known to be durable on the peer. */
  match = 0;
  /** Next index to send; always above `match`. */
  next: number;
  /**
   * probe: one message at a time until its answer tells where the logs agree;
   * replicate: a window of messages under way; snapshot: nothing until the snapshot has arrived.
   */
  state: "probe" | "replicate" | "snapshot" = "probe";
  /** In probe: a message is under way, wait for an answer or a heartbeat's. */
  paused = false;
  /** In replicate: last index of each message under way, oldest first. */
  readonly inflight: number[] = [];
  /** Commit index that the peer was last told. */
  toldCommit = 0;
  /** When anything was last heard of the peer. */
  activeMs: number;
  /** When the peer last made progress, or was last given something new. */
  progressMs: number;
  /** The peer left the membership and only still has to be told. */
  leaving = false;
  /** The peer's log was damaged: nothing of it counts until it answers like the others again. */
  suspect = false;
  /** Of a suspect: what it lacks, and for how long it has lacked nothing. */
  readonly level = new Level();
  /** In probe: when it was last sent a message, and the end of the log and the commit index of then. */
  probed = { ms: Number.NEGATIVE_INFINITY, lastIndex: 0, commit: 0 };
  /** In probe: paused although nothing is under way, because the peer lacks nothing. News end it. */
  resting = false;
  /** In probe: the message under way was refused; its answer may come again, and says nothing new then. */
  refused = false;
  /** How often in a row the peer refused what it had acknowledged; see {@link Progress.lostData}. */
  refusals = 0;

  constructor(next: number, nowMs: number) {
    this.next = next;
    this.activeMs = nowMs;
    this.progressMs = nowMs;
  }

  /** Highest index that counts towards a commit. */
  get counted(): number {
    return this.suspect || this.lostData ? 0 : this.match;
  }

  /**
   * The peer does not have what it acknowledged: it was wiped or set back to an old copy, and does not know it (scenario
   * R13). Refusals that were late, or came twice, do not add up to this many answers to as many questions.
   */
  get lostData(): boolean {
    return this.refusals >= REFUSALS_THAT_PROVE;
  }

  /** What the peer acknowledged is void. */
  becomeSuspect(): void {
    if (!this.suspect) this.level.reset();
    this.suspect = true;
    this.match = 0;
    this.toldCommit = 0;
  }

  becomeProbe(nowMs: number): void {
    this.state = "probe";
    this.paused = false;
    this.resting = false;
    this.inflight.length = 0;
    this.next = this.match + 1;
    this.progressMs = nowMs;
  }

  becomeReplicate(nowMs: number): void {
    this.state = "replicate";
    this.paused = false;
    this.inflight.length = 0;
    this.next = this.match + 1;
    this.progressMs = nowMs;
  }

  /** In probe: nothing is to be sent until there is something new, or until the next answer. */
  rest(): void {
    this.paused = true;
    this.resting = true;
  }

  /** In probe: ends a rest. */
  wake(): void {
    this.paused = false;
    this.resting = false;
  }

  becomeSnapshot(): void {
    this.state = "snapshot";
    this.paused = true;
    this.inflight.length = 0;
  }

  /** May a message with entries be sent now? */
  canSend(inflightMax: number): boolean {
    if (this.state === "snapshot") return false;
    return this.state === "probe" ? !this.paused : this.inflight.length < inflightMax;
  }

  sent(last: number): void {
    if (this.state === "probe") {
      this.paused = true;
      this.resting = false;
      this.refused = false;
      return;
    }
    this.next = last + 1;
    this.inflight.push(last);
  }

  /** The peer has everything up to `index`; true when that is news. */
  acknowledged(index: number, nowMs: number): boolean {
    let done = 0;
    while (done < this.inflight.length && this.inflight[done]! <= index) done++;
    this.inflight.splice(0, done);
    this.suspect = false;
    this.refusals = 0;
    if (index <= this.match) return false;
    this.match = index;
    this.next = Math.max(this.next, index + 1);
    this.progressMs = nowMs;
    return true;
  }
}
