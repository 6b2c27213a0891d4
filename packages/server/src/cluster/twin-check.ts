import { DisterError, type NodeId, type NodeInfo, type PeerAddress, type PeerRpc } from "@dister/types";
import { JsonRpc } from "./json-rpc.ts";
import type { PeerDirectory } from "./peer-directory.ts";
import type { Self } from "./self.ts";

const CALL_MS = 1_000;

/**
 * Finds out that a data folder was copied: two processes with one node id would vote twice. Each node asks every peer that
 * it is connected to who answers on the peer's own connection to that id; if that is another process, this one is the copy,
 * for it came later. Where both never meet a common peer nobody can tell.
 */
export class TwinCheck {
  readonly #self: Self;
  readonly #directory: PeerDirectory;
  readonly #json: JsonRpc;
  readonly #found: (error: DisterError) => void;
  /** Peers that were asked since they were last connected. */
  #asked: ReadonlySet<NodeId> = new Set();

  /** @param found - told once for each peer that knows of another process; the node must stop itself. */
  constructor(parts: { self: Self; directory: PeerDirectory; rpc: PeerRpc }, found: (error: DisterError) => void) {
    this.#self = parts.self;
    this.#directory = parts.directory;
    this.#json = new JsonRpc(parts.rpc);
    this.#found = found;
    this.#json.serve<null, PeerAddress | null>("identity.twin", (from) => this.#twinOf(from));
  }

  /** Asks the peers that are new among those that are connected. */
  look(connected: readonly NodeId[]): void {
    const asked = this.#asked;
    this.#asked = new Set(connected);
    for (const peer of connected) if (!asked.has(peer)) void this.#ask(peer);
  }

  async #ask(peer: NodeId): Promise<void> {
    // A peer of older software, or one that is just going: the next connection asks again.
    const twin = await this.#json
      .call<null, PeerAddress | null>(peer, "identity.twin", null, 2 * CALL_MS)
      .catch(() => null);
    if (twin === null) return;
    const { id } = this.#self;
    const reason =
      `node ${id} runs already at ${twin.host}, raft port ${twin.ports.raft}: one folder is a copy of the other; ` +
      "keep one of them, and run `dister node reset` on the other";
    this.#found(new DisterError("DISTER_ERR_IDENTITY", { reason }));
  }

  /** Where somebody answers under the id of `from` on this node's own connection, if that is another process. */
  async #twinOf(from: NodeInfo): Promise<PeerAddress | null> {
    const there = await this.#json.call<null, NodeInfo>(from.id, "node.info", null, CALL_MS).catch(() => undefined);
    if (there === undefined || there.boot === from.boot) return null;
    const host = this.#directory.get(from.id)?.address.host ?? there.ip;
    return { host, ports: there.ports };
  }
}
