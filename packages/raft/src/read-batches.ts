import { DisterError, type Timer } from "@dister/types";

interface Batch {
  readonly id: number;
  readonly timer: Timer;
  readonly waiting: { resolve: (index: number) => void; reject: (error: DisterError) => void }[];
}

/**
 * Groups the reads of this node: those that come while a question to the leader is under way share the next question.
 * Sharing the present one would be wrong: its answer may have been fixed before they came.
 */
export class ReadBatches {
  readonly #ask: (id: number) => void;
  readonly #startTimer: (fire: () => void) => Timer;
  readonly #timeoutMs: number;
  #lastId: number;
  #underWay: Batch | null = null;
  #next: Batch["waiting"] = [];

  constructor(parts: {
    ask: (id: number) => void;
    startTimer: (fire: () => void) => Timer;
    timeoutMs: number;
    /**
     * Where the numbers of the questions begin. Drawn anew at each start: a late answer to a question from before the
     * restart must not be taken for one to a new question (scenario Q2).
     */
    firstId: number;
  }) {
    this.#lastId = parts.firstId;
    this.#ask = parts.ask;
    this.#startTimer = parts.startTimer;
    this.#timeoutMs = parts.timeoutMs;
  }

  /** Resolves with an index that covers every write that was acknowledged before this call. */
  read(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#next.push({ resolve, reject });
      if (this.#underWay === null) this.#start();
    });
  }

  #start(): void {
    const id = ++this.#lastId;
    const timer = this.#startTimer(() => this.#timedOut(id));
    this.#underWay = { id, timer, waiting: this.#next };
    this.#next = [];
    this.#ask(id);
  }

  #timedOut(id: number): void {
    const timeoutMs = this.#timeoutMs;
    this.#end(id, ({ reject }) => reject(new DisterError("DISTER_ERR_TIMEOUT", { what: "the read index", timeoutMs })));
  }

  /** The core's answer; an answer to an older question is passed over. */
  answered(id: number, index: number): void {
    this.#end(id, ({ resolve, reject }) => {
      if (index >= 0) resolve(index);
      else reject(new DisterError("DISTER_ERR_NO_LEADER"));
    });
  }

  #end(id: number, tell: (waiting: Batch["waiting"][number]) => void): void {
    const batch = this.#underWay;
    if (batch?.id !== id) return;
    batch.timer.cancel();
    this.#underWay = null;
    for (const waiting of batch.waiting) tell(waiting);
    if (this.#next.length > 0 && this.#underWay === null) this.#start();
  }

  rejectAll(error: () => DisterError): void {
    const waiting = [...(this.#underWay?.waiting ?? []), ...this.#next];
    this.#underWay?.timer.cancel();
    this.#underWay = null;
    this.#next = [];
    for (const { reject } of waiting) reject(error());
  }
}
