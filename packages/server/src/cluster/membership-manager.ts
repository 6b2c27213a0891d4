import type { CoreStatus, RaftNode } from "@dister/raft";
import {
  type Clock,
  type CommandOutcome,
  DisterError,
  isDisterError,
  LIMITS,
  type Logger,
  type Member,
  type Membership,
  type NodeId,
  type NodeInfo,
  type PeerRpc,
  ROLE,
  stateVersionOf,
  type Timer,
  type Transport,
  voterIds,
  withMembers,
} from "@dister/types";
import { rest } from "../rest.ts";
import { memberOf } from "./formation.ts";
import { JsonRpc } from "./json-rpc.ts";
import { MemberAddresses } from "./member-addresses.ts";
import type { PeerDirectory } from "./peer-directory.ts";
import { answering, reachOf } from "./reach.ts";
import { RoleKeeper } from "./role-keeper.ts";
import type { Self } from "./self.ts";
import type { TwinCheck } from "./twin-check.ts";
import { type CleanupPolicy, nextUpkeep, replacedBy } from "./upkeep.ts";

/** Between two looks at who can be promoted. */
const LOOK_MS = 100;
const CALL_MS = 5_000;
/** Between two questions of a node without a leader whether it was removed. */
const ASK_MS = 1_000;

/** What a change of members is asked for. */
type MembersCall = { readonly remove: readonly string[] };

/** The membership that a node knows to be committed. */
interface MembersView {
  readonly ids: readonly NodeId[];
  /** Index of its entry, 0 when none is known to be committed. */
  readonly index: number;
}

/**
 * Keeps the membership: takes in nodes that ask, as learners; makes a server a voter when it has caught up; removes. Every
 * change is an entry of the log, made by the leader; the other nodes pass a request on, one hop.
 */
export class MembershipManager {
  readonly #raft: RaftNode<CommandOutcome>;
  readonly #self: Self;
  readonly #directory: PeerDirectory;
  readonly #addresses: MemberAddresses;
  readonly #transport: Transport;
  readonly #json: JsonRpc;
  readonly #twins: TwinCheck;
  readonly #cleanup: CleanupPolicy;
  readonly #roles: RoleKeeper;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #timer: Timer | null = null;
  #stopped = false;
  #wasRemoved = false;
  /** Index of a membership that others told and this node is not in, 0 for none. */
  #removedAt = 0;
  #askedMs = Number.NEGATIVE_INFINITY;
  #damaged: ReadonlyMap<NodeId, "suspect" | "lost data"> = new Map();
  /** Nodes that were removed here and may not have been told yet. */
  readonly #leaving = new Set<NodeId>();
  #changes: Promise<unknown> = Promise.resolve();

  constructor(
    parts: {
      raft: RaftNode<CommandOutcome>;
      self: Self;
      directory: PeerDirectory;
      transport: Transport;
      rpc: PeerRpc;
      twins: TwinCheck;
      clock: Clock;
      logger: Logger;
    },
    options: { cleanup: CleanupPolicy },
  ) {
    this.#raft = parts.raft;
    this.#self = parts.self;
    this.#directory = parts.directory;
    this.#addresses = new MemberAddresses(parts);
    this.#transport = parts.transport;
    this.#json = new JsonRpc(parts.rpc);
    this.#twins = parts.twins;
    this.#cleanup = options.cleanup;
    this.#roles = new RoleKeeper(parts);
    this.#clock = parts.clock;
    this.#logger = parts.logger;
    this.#json.serve<{ info: NodeInfo }, readonly Member[]>("cluster.join", (from, { info }) =>
      this.#onJoin(from, info),
    );
    this.#json.serve<MembersCall, null>("members.remove", (_from, call) =>
      this.#onLeader(() => this.#remove(call.remove)),
    );
    this.#json.serve<null, MembersView>("members.view", () => {
      const { membership, membershipIndex, commitIndex } = this.#raft.status();
      const ids = membership.members.map(({ id }) => id);
      return { ids, index: commitIndex >= membershipIndex ? membershipIndex : 0 };
    });
  }

  start(): void {
    this.statusChanged(this.#raft.status());
    this.#timer = this.#clock.setTimer(LOOK_MS, () => void this.#look());
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  /** Role or membership changed: connections follow the membership. */
  statusChanged(status: CoreStatus): void {
    for (const member of status.membership.members) this.#directory.isMember(member);
  }

  /** True when the log, or a member that has more of it, says that this node is no member any more. */
  get isRemoved(): boolean {
    const { membership, membershipIndex, commitIndex } = this.#raft.status();
    if (membership.members.some(({ id }) => id === this.#self.id)) return this.#removedAt > membershipIndex;
    return membership.members.length > 0 && commitIndex >= membershipIndex;
  }

  /**
   * Removes members by id, name, host or host:raftPort, one after the other.
   * @throws DisterError `DISTER_ERR_INVALID` for a member that does not exist; nothing is removed then.
   *   `DISTER_ERR_MEMBERSHIP` when too few reachable voters would be left to decide anything.
   */
  async remove(names: readonly string[]): Promise<void> {
    const { leader } = this.#raft;
    if (leader === null) throw new DisterError("DISTER_ERR_NO_LEADER");
    if (leader === this.#self.id) return this.#remove(names).then(() => undefined);
    await this.#json.call<MembersCall, null>(leader, "members.remove", { remove: names }, CALL_MS);
  }

  async #onLeader<T>(work: () => Promise<T>): Promise<T> {
    const { leader } = this.#raft;
    if (leader === null) throw new DisterError("DISTER_ERR_NO_LEADER");
    if (leader !== this.#self.id) throw new DisterError("DISTER_ERR_NOT_LEADER", { leader });
    return work();
  }

  /**
   * A node asks to be taken in; `from.ip` is where it was seen.
   * @returns the members: whoever asked a follower may know nobody else, and the log comes from the leader.
   */
  async #onJoin(from: NodeInfo, told: NodeInfo): Promise<readonly Member[]> {
    const info = { ...told, ip: told.ip === "" ? from.ip : told.ip };
    const { leader } = this.#raft;
    if (leader === null) throw new DisterError("DISTER_ERR_NO_LEADER");
    if (leader !== this.#self.id) {
      return this.#json.call<{ info: NodeInfo }, readonly Member[]>(leader, "cluster.join", { info }, CALL_MS);
    }
    if (info.role === ROLE.client) {
      throw new DisterError("DISTER_ERR_MEMBERSHIP", { reason: "a client stores nothing and is no member" });
    }
    this.#directory.heardOf(info);
    await this.#change((membership) => {
      if (membership.members.some((member) => member.id === info.id)) return membership;
      this.#assertRoomFor(info, membership);
      this.#logger.info("taking in a node as learner", { node: info.id, name: info.name });
      return withMembers(membership, [...membership.members, memberOf(info, false)]);
    });
    return this.#raft.status().membership.members;
  }

  async #remove(names: readonly string[]): Promise<null> {
    const ids = new Set(names.map((name) => findMember(this.#raft.status().membership, name).id));
    // Itself last: who does not lead any more removes nobody.
    if (ids.delete(this.#self.id)) ids.add(this.#self.id);
    for (const id of ids) {
      await this.#change((membership) => {
        const left = withMembers(
          membership,
          membership.members.filter((member) => member.id !== id),
        );
        this.#assertQuorum(left);
        this.#logger.info("removing a member", { node: id });
        return left;
      });
      if (id !== this.#self.id) this.#leaving.add(id);
    }
    return null;
  }

  /** Lets go of who was removed, once Raft has told it or given it up: without a connection it would never know. */
  #forgetLeft(status: CoreStatus): void {
    for (const id of this.#leaving) {
      if (status.progress.some((peer) => peer.id === id)) continue;
      this.#leaving.delete(id);
      if (!status.membership.members.some((member) => member.id === id)) this.#directory.forget(id);
    }
  }

  /** Who was away while it was removed is told nothing any more: a node without a leader asks. */
  async #askWhetherRemoved(status: CoreStatus): Promise<void> {
    const nowMs = this.#clock.nowMs();
    if (status.leader !== null || this.isRemoved || nowMs - this.#askedMs < ASK_MS) return;
    this.#askedMs = nowMs;
    const others = status.membership.members.filter(({ id }) => id !== this.#self.id && this.#transport.isUp(id));
    const asked = others.map(({ id }) => this.#json.call<null, MembersView>(id, "members.view", null, ASK_MS));
    for (const answer of await Promise.allSettled(asked)) {
      if (answer.status === "rejected" || answer.value.ids.includes(this.#self.id)) continue;
      this.#removedAt = Math.max(this.#removedAt, answer.value.index);
    }
  }

  /** Once per removal, for people. */
  #tellRemoval(): void {
    const { isRemoved } = this;
    if (isRemoved && !this.#wasRemoved) {
      const { cluster } = this.#self.info();
      this.#logger.warn("this node was removed from the cluster and stays idle", { cluster });
    }
    this.#wasRemoved = isRemoved;
  }

  /** A change after which no majority is reachable would be the last one. */
  #assertQuorum(membership: Membership): void {
    const voters = voterIds(membership);
    const { reached, needed, isMajority } = reachOf(voters, this.#answering(this.#raft.status()));
    if (voters.length === 0) throw new DisterError("DISTER_ERR_MEMBERSHIP", { reason: "no voter would be left" });
    if (isMajority) return;
    const reason = `of the ${voters.length} voters left, ${reached.length} would be reachable and ${needed} are needed`;
    throw new DisterError("DISTER_ERR_MEMBERSHIP", { reason });
  }

  /** What the leader finds out about the logs of others, once each time, for people. */
  #tellDamage({ progress }: CoreStatus): void {
    const told = new Map<NodeId, "suspect" | "lost data">();
    for (const { id, suspect, lostData } of progress) {
      if (suspect) told.set(id, "suspect");
      if (lostData) told.set(id, "lost data");
    }
    for (const [id, what] of told) {
      if (this.#damaged.get(id) === what) continue;
      if (what === "suspect")
        this.#logger.warn("the log of a member was damaged; it is being made whole", { node: id });
      else {
        this.#logger.error(
          "a member has lost what it had acknowledged: remove it, empty its data folder, let it join anew",
          {
            node: id,
          },
        );
      }
    }
    for (const id of this.#damaged.keys()) {
      if (!told.has(id) && progress.some((peer) => peer.id === id)) {
        this.#logger.info("the log of a member is whole again", { node: id });
      }
    }
    this.#damaged = told;
  }

  /** One change after the other; each is made from the membership that is in force then. */
  #change(make: (membership: Membership) => Membership): Promise<void> {
    const change = this.#changes.then(async () => {
      const deadlineMs = this.#clock.nowMs() + CALL_MS;
      for (;;) {
        const { membership } = this.#raft.status();
        const to = make(membership);
        if (to === membership) return;
        try {
          await this.#raft.changeMembership(to);
          return;
        } catch (error) {
          // A leader that removed itself steps down when that is committed, and then hears of no outcome.
          if (isDisterError(error, "DISTER_ERR_UNKNOWN_OUTCOME") && this.#isInForce(to)) return;
          const again = isDisterError(error, "DISTER_ERR_MEMBERSHIP_PENDING") && this.#clock.nowMs() < deadlineMs;
          if (!again) throw error;
          await rest(this.#clock, LOOK_MS);
        }
      }
    });
    this.#changes = change.catch(() => undefined);
    return change;
  }

  #connected({ membership }: CoreStatus): NodeId[] {
    return membership.members.map(({ id }) => id).filter((id) => this.#transport.isUp(id));
  }

  #answering(status: CoreStatus): (id: NodeId) => boolean {
    return answering(status, (id) => this.#transport.isUp(id));
  }

  #isInForce(wanted: Membership): boolean {
    const { membership, membershipIndex, commitIndex } = this.#raft.status();
    return commitIndex >= membershipIndex && JSON.stringify(membership) === JSON.stringify(wanted);
  }

  async #look(): Promise<void> {
    if (this.#stopped) return;
    try {
      const status = this.#raft.status();
      this.#forgetLeft(status);
      this.#tellDamage(status);
      this.#twins.look(this.#connected(status));
      if (status.role === "leader") await this.#keep(status);
      else await this.#askWhetherRemoved(status);
      this.#tellRemoval();
    } catch (error) {
      this.#logger.debug("a membership change failed and is tried again", { error });
    }
    if (!this.#stopped) this.#timer = this.#clock.setTimer(LOOK_MS, () => void this.#look());
  }

  /** Makes the one change that is due; each is decided from the membership in force and dropped when that has changed. */
  async #keep(status: CoreStatus): Promise<void> {
    const said = (id: NodeId) => (this.#transport.isUp(id) ? this.#directory.get(id) : undefined);
    const self = this.#self.info();
    const known = { self, said, answers: this.#answering(status) };
    if (this.#roles.keep(status, known)) return;
    const upkeep = nextUpkeep(status, {
      ...known,
      corrected: (member) => this.#addresses.correction(member),
      cleanup: this.#cleanup,
    });
    if (upkeep === null) return;
    await this.#change((membership) => {
      if (membership !== status.membership) return membership;
      this.#logger.info(upkeep.message, upkeep.fields);
      return upkeep.to;
    });
  }

  /**
   * A node that lost its data comes back as another one, at the address of its old half. It is taken in, but gets no vote
   * before the old half is removed: that would count for ever.
   */
  #assertRoomFor(info: NodeInfo, membership: Membership): void {
    const inForce = stateVersionOf(membership);
    if (info.stateVersion < inForce) {
      const reason = `software that understands ${info.stateVersion} cannot join, install that of the members (${this.#self.info().version})`;
      throw new DisterError("DISTER_ERR_STATE_VERSION", { inForce, reason });
    }
    const same = replacedBy(memberOf(info, false), membership);
    if (same !== undefined && this.#transport.isUp(same.id)) {
      const { host, ports } = same.address;
      const reason = `member ${same.id} has the address ${host}:${ports.raft} of this node and answers there`;
      throw new DisterError("DISTER_ERR_MEMBERSHIP", { reason });
    }
    if (membership.members.length >= LIMITS.membersMax) {
      throw new DisterError("DISTER_ERR_MEMBERSHIP", { reason: `a cluster has at most ${LIMITS.membersMax} members` });
    }
    if (same !== undefined) {
      this.#logger.warn("a node has the address of a member that is away: remove that one, and it becomes a voter", {
        node: info.id,
        away: same.id,
      });
    }
  }
}

function findMember(membership: Membership, name: string): Member {
  const wanted = name.trim();
  const matches = membership.members.filter(({ id, name: called, address }) => {
    const { host, ports } = address;
    return [id, called, host, `${host}:${ports.raft}`, `[${host}]:${ports.raft}`].includes(wanted);
  });
  if (matches.length === 1) return matches[0]!;
  const allowed = matches.length === 0 ? "id, name, host or host:raftPort of a member" : "a name of one member only";
  throw new DisterError("DISTER_ERR_INVALID", { field: "node", got: JSON.stringify(name), allowed });
}
