import { encodeCommand } from "@dister/store";
import { type Clock, type Command, type CommandOutcome, type DisterError, isDisterError } from "@dister/types";
import type { Writes } from "../api-node.ts";
import { CLIENT_ATTEMPT_MS, CLIENT_CALL } from "../client-desk/calls.ts";
import { untilOutcome } from "../write-attempts.ts";
import type { ChangeFollower } from "./change-follower.ts";
import type { ClientReads } from "./client-reads.ts";
import type { Servers } from "./servers.ts";

/**
 * Writes of a client node: each goes to one server, the leader if it is connected, and is repeated at others under the
 * same request id, which the state machine applies once only, until its outcome is known or the time is over.
 */
export class ClientWrites implements Writes {
  readonly #servers: Servers;
  readonly #follower: Pick<ChangeFollower, "leader">;
  readonly #reads: Pick<ClientReads, "wroteKeys" | "wroteServices">;
  readonly #clock: Clock;
  readonly #session: string;
  #sequence = 0;

  /** @param parts.session - differs between any two starts of any nodes; request ids made here begin with it. */
  constructor(parts: {
    servers: Servers;
    follower: Pick<ChangeFollower, "leader">;
    reads: Pick<ClientReads, "wroteKeys" | "wroteServices">;
    clock: Clock;
    session: string;
  }) {
    this.#servers = parts.servers;
    this.#follower = parts.follower;
    this.#reads = parts.reads;
    this.#clock = parts.clock;
    this.#session = parts.session;
  }

  /**
   * Writes; resolves when the write is applied at the server that took it.
   * @throws DisterError surely not done: `DISTER_ERR_NO_SERVER`, and what a server says is not; done or not:
   *   `DISTER_ERR_UNKNOWN_OUTCOME`, with the request id to ask again with.
   */
  async write(command: Command, requestId: string = `${this.#session}.${++this.#sequence}`): Promise<CommandOutcome> {
    const bytes = encodeCommand({ requestId, timeMs: this.#clock.wallMs(), command });
    const outcome = await untilOutcome({
      clock: this.#clock,
      holdMs: this.#servers.holdMs,
      requestId,
      attempt: (deadlineMs) => this.#attempt(bytes, requestId, deadlineMs),
      known: () => undefined, // Only servers know; the next attempt asks one of them.
    });
    this.#tellReads(command, outcome);
    return outcome;
  }

  async #attempt(bytes: Uint8Array, requestId: string, deadlineMs: number): Promise<CommandOutcome> {
    const [server] = this.#servers.ranked(requestId, this.#follower.leader);
    if (server === undefined) throw this.#servers.none();
    const timeoutMs = Math.max(1, Math.min(CLIENT_ATTEMPT_MS, deadlineMs - this.#clock.nowMs()));
    try {
      const reply = await this.#servers.callRaw(server, CLIENT_CALL.write, bytes, timeoutMs);
      return JSON.parse(new TextDecoder().decode(reply)) as CommandOutcome;
    } catch (error) {
      this.#servers.judge(server, error);
      throw isUnheard(error) ? this.#servers.none(error) : error;
    }
  }

  #tellReads(command: Command, { logId }: CommandOutcome): void {
    if (command.type === "kvSet") {
      this.#reads.wroteKeys(
        command.pairs.map(([key]) => key),
        logId,
      );
    } else if (command.type === "kvDelete") this.#reads.wroteKeys(command.keys, logId);
    else this.#reads.wroteServices(logId);
  }
}

/** The server surely did not hear of it. */
function isUnheard(error: unknown): error is DisterError {
  return isDisterError(error, "DISTER_ERR_PEER_UNREACHABLE") && error.details["sent"] === false;
}
