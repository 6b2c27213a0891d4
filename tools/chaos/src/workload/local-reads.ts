import { checkMonotonic, type PositionSeen } from "@dister/linearizability";
import type { Answer } from "../api.ts";
import { Client, isAbsent, type Workload, type WorkloadParts } from "./workload.ts";

/** What a client has seen at one node since the process there was started. */
interface Session {
  readonly node: number;
  start: number;
  /** Its key, a new one whenever nobody knows what the old one holds or will hold. */
  generation: number;
  /** Its own last write of that key there. */
  value: string | null;
  busy: boolean;
}

/** Sessions of local reads, one per node: the log id never goes back, and a session reads its own writes. */
export class LocalReadWorkload implements Workload {
  readonly name = "local-read";
  readonly perSecond = 30;
  readonly #parts: WorkloadParts;
  readonly #client: Client;
  readonly #sessions: Session[];
  readonly #seen: PositionSeen[] = [];
  readonly #violations: string[] = [];
  #values = 0;

  constructor(parts: WorkloadParts) {
    this.#parts = parts;
    this.#client = new Client(this.name, parts);
    this.#sessions = Array.from({ length: parts.api.nodeCount }, (_, node) => ({
      node,
      start: parts.startCount(node),
      generation: 0,
      value: null,
      busy: false,
    }));
  }

  async step(): Promise<void> {
    const session = this.#parts.chance.one(this.#sessions);
    if (session.busy) {
      this.#parts.tally.of(this.name).heldBack++;
      return;
    }
    session.busy = true;
    try {
      await this.#step(session);
    } finally {
      session.busy = false;
    }
  }

  async #step(session: Session): Promise<void> {
    const { startCount, chance } = this.#parts;
    if (session.start !== startCount(session.node)) {
      // The process is another one: it may have applied less than its predecessor until it has caught up.
      session.start = startCount(session.node);
      this.#newKey(session);
    }
    if (chance.is(0.3)) await this.#write(session);
    else await this.#read(session);
  }

  #newKey(session: Session): void {
    session.generation++;
    session.value = null;
  }

  #keyOf({ node, generation }: Session): string {
    return `${this.#parts.prefix}${node + 1}/${generation}`;
  }

  async #write(session: Session): Promise<void> {
    const value = String(++this.#values);
    const body = { [this.#keyOf(session)]: value };
    const answer = await this.#client.call(session.node, { method: "POST", path: "/kv", body });
    // What was refused changes nothing; what is unknown may be done at any later time.
    if (answer.outcome === "unknown") this.#newKey(session);
    if (answer.outcome !== "ok" || session.start !== this.#parts.startCount(session.node)) return;
    this.#sees(session, answer, (answer.data as { logid: number }).logid);
    session.value = value;
  }

  async #read(session: Session): Promise<void> {
    const path = `/kv?consistency=local&k=${encodeURIComponent(this.#keyOf(session))}`;
    const answer = await this.#client.call(session.node, { method: "GET", path });
    if (answer.logId === undefined || session.start !== this.#parts.startCount(session.node)) return;
    this.#sees(session, answer, answer.logId);
    const value = isAbsent(answer) ? null : answer.outcome === "ok" ? (answer.data as string) : undefined;
    if (value !== undefined && value !== session.value) {
      this.#violations.push(`${nameOf(session)}: wrote ${session.value} and read ${value}`);
    }
  }

  #sees(session: Session, { startMs, endMs }: Answer, position: number): void {
    this.#seen.push({ session: nameOf(session), invokedAt: startMs, completedAt: endMs, position });
  }

  async settle(): Promise<void> {
    for (const session of this.#sessions) await this.#step(session);
  }

  violations(): string[] {
    return [...checkMonotonic(this.#seen).map(({ message }) => message), ...this.#violations];
  }
}

function nameOf({ node, start }: Session): string {
  return `node ${node + 1}, start ${start}`;
}
