import { type BackupFacts, backupStream } from "@dister/store";
import { DisterError, LIMITS, type SnapshotSource } from "@dister/types";
import type { Backup, Backups, Consistency } from "./api-node.ts";
import type { ServedNode } from "./served-node.ts";

/** Backups of the state that a member has applied itself. */
export class MemberBackups implements Backups {
  readonly #node: Pick<ServedNode, "components" | "membered">;
  #underWay = 0;

  constructor(node: Pick<ServedNode, "components" | "membered">) {
    this.#node = node;
  }

  async open(consistency: Consistency): Promise<Backup> {
    const { gateway } = this.#node.membered;
    if (consistency === "linearizable") await gateway.readBarrier();
    // Each holds a moment of the database, behind which its write-ahead log grows.
    if (this.#underWay >= LIMITS.backupsAtOnceMax) {
      throw new DisterError("DISTER_ERR_BUSY", { what: "sending backups", limit: LIMITS.backupsAtOnceMax });
    }
    const { state } = this.#node.components;
    const opening = state.snapshot();
    // Read in the same turn in which the snapshot is opened: both are of one position.
    const facts = this.#facts();
    this.#underWay++;
    const source = await opening.catch((error: unknown) => {
      this.#underWay--;
      throw error;
    });
    return { logId: facts.logid, bytes: backupStream(source, facts), close: this.#closer(source) };
  }

  #closer(source: SnapshotSource): () => void {
    let closed = false;
    return () => {
      if (!closed) this.#underWay--;
      closed = true;
      source.close();
    };
  }

  #facts(): BackupFacts {
    const { state, self, clock } = this.#node.components;
    const { group, cluster, id: node, version } = self.info();
    const held = { logid: state.appliedLogId(), keys: state.kvCount(), services: state.services().length };
    return { group, cluster, node, version, timeMs: clock.wallMs(), ...held };
  }
}
