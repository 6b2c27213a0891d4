import {
  type Clock,
  DisterError,
  hexIdOf,
  type Logger,
  type Member,
  membershipOf,
  type NodeId,
  type NodeInfo,
  type PeerRpc,
  type Rng,
  ROLE,
  type Timer,
} from "@dister/types";
import type { Discovery } from "./discovery.ts";
import { decideFounding, type FounderState, foundersLost, isFounded, missingFounders } from "./founding-decision.ts";
import type { FoundingProposal, IdentityFile } from "./identity.ts";
import { JsonRpc } from "./json-rpc.ts";
import { addressOf } from "./peer-address.ts";
import type { PeerDirectory } from "./peer-directory.ts";
import type { Self } from "./self.ts";

/** Between two steps, while the node belongs to no cluster. */
const STEP_MS = 100;
const CALL_MS = 1_000;

/** A node as it becomes a member. */
export function memberOf(info: NodeInfo, voter: boolean): Member {
  const { id, name, role, stateVersion } = info;
  return { id, name, role, voter, address: addressOf(info), ...(stateVersion === 1 ? {} : { stateVersion }) };
}

/**
 * Ends with belonging to a cluster: a new one that all founders have agreed to, or one that is there already. Whom there
 * is to found one with is the matter of discovery.
 */
export class Formation {
  readonly #identity: IdentityFile;
  readonly #self: Self;
  readonly #directory: PeerDirectory;
  readonly #discovery: Discovery;
  readonly #json: JsonRpc;
  readonly #clock: Clock;
  readonly #rng: Rng;
  readonly #logger: Logger;
  readonly #minNode: number;
  readonly #formed: () => void;
  #timer: Timer | null = null;
  #stopped = false;
  #waitingFor = "starting";

  /** @param formed - called once, when the node belongs to a cluster and its identity says so durably. */
  constructor(
    parts: {
      identity: IdentityFile;
      self: Self;
      directory: PeerDirectory;
      discovery: Discovery;
      rpc: PeerRpc;
      clock: Clock;
      rng: Rng;
      logger: Logger;
    },
    options: { minNode: number; formed: () => void },
  ) {
    this.#identity = parts.identity;
    this.#self = parts.self;
    this.#directory = parts.directory;
    this.#discovery = parts.discovery;
    this.#json = new JsonRpc(parts.rpc);
    this.#clock = parts.clock;
    this.#rng = parts.rng;
    this.#logger = parts.logger;
    this.#minNode = options.minNode;
    this.#formed = options.formed;
    this.#serve();
  }

  /** What the node waits for, for people. */
  get waitingFor(): string {
    return this.#waitingFor;
  }

  start(): void {
    this.#timer = this.#clock.setTimer(0, () => void this.#look());
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #serve(): void {
    const state = (): FounderState => {
      const { clusterId, accepted } = this.#identity.current;
      return { clusterId, accepted: accepted?.clusterId ?? "" };
    };
    this.#json.serve<null, FounderState>("founding.state", state);
    this.#json.serve<{ lowest: NodeId }, boolean>("founding.ready", (_from, { lowest }) => this.#isReadyFor(lowest));
    this.#json.serve<FoundingProposal, FounderState>("founding.accept", (_from, proposal) => {
      if (state().accepted === "" && state().clusterId === "") this.#accept(proposal);
      return state();
    });
  }

  /** Would this node accept a proposal of `lowest`? Asked first, because accepting is for ever. */
  #isReadyFor(lowest: NodeId): boolean {
    const { clusterId, accepted } = this.#identity.current;
    if (clusterId !== "" || accepted !== null || this.#self.role !== ROLE.server) return false;
    // A node that knows a cluster is about to join it, and may have been taken in already.
    if (this.#directory.formed().length > 0) return false;
    const known = [this.#self.id, ...this.#directory.freeServers().map(({ info }) => info.id)].sort();
    return known[0]! >= lowest;
  }

  #accept(proposal: FoundingProposal): void {
    const isFounder = proposal.membership.members.some((member) => member.id === this.#self.id);
    if (!isFounder) throw new DisterError("DISTER_ERR_FOUNDING", { reason: "this node is not one of the founders" });
    this.#identity.accept(proposal);
    const founders = proposal.membership.members.length;
    this.#logger.info("founding proposal accepted", { cluster: proposal.clusterId, founders });
  }

  async #look(): Promise<void> {
    if (this.#stopped || this.#identity.current.clusterId !== "") return;
    try {
      await this.#step();
    } catch (error) {
      this.#logger.debug("a step of the founding failed and is tried again", { error });
    }
    if (!this.#stopped) this.#timer = this.#clock.setTimer(STEP_MS, () => void this.#look());
  }

  async #step(): Promise<void> {
    await this.#discovery.refresh();
    const { accepted } = this.#identity.current;
    if (accepted !== null) return this.#completeFounding(accepted);
    if (this.#self.role !== ROLE.server) {
      const [known] = this.#directory.formed();
      if (known !== undefined) return this.#join(known.info.cluster);
      return this.#wait("a cluster to join: only servers found one");
    }
    const step = decideFounding({
      self: this.#self.id,
      minNode: this.#minNode,
      free: this.#directory.freeServers().map(({ info }) => info),
      formed: this.#directory.formed().map(({ info }) => info),
      searchedOnce: this.#discovery.searchedOnce,
    });
    if (step.do === "wait") return this.#wait(step.reason);
    if (step.do === "join") return this.#join(step.cluster);
    return this.#propose(step.founders);
  }

  /** Says what the node waits for, once. */
  #wait(reason: string): void {
    if (this.#waitingFor === reason) return;
    this.#waitingFor = reason;
    this.#logger.info("waiting for a cluster", { reason });
  }

  async #propose(founders: readonly NodeId[]): Promise<void> {
    const others = founders.filter((id) => id !== this.#self.id);
    const lowest = this.#self.id;
    const ready = await Promise.all(
      others.map((id) => this.#json.call<unknown, boolean>(id, "founding.ready", { lowest }, CALL_MS)),
    );
    if (!ready.every(Boolean)) return this.#wait("another server is not ready to found a cluster");
    const members = others.map((id) => memberOf(this.#directory.get(id)!.info, true));
    const own = { ...this.#self.info(), ip: await this.#ownAddress(others) };
    const membership = membershipOf([memberOf(own, true), ...members]);
    const proposal = { clusterId: hexIdOf(this.#rng.bytes(8)), membership };
    this.#accept(proposal);
    await this.#completeFounding(proposal);
  }

  /** How the others see this node, when it was not told its own address. */
  async #ownAddress(others: readonly NodeId[]): Promise<string> {
    const told = this.#self.info().ip;
    if (told !== "" || others.length === 0) return told === "" ? "127.0.0.1" : told;
    const seen = await this.#json.call<null, NodeInfo[]>(others[0]!, "peers", null, CALL_MS);
    const own = seen.find((info) => info.id === this.#self.id);
    if (own === undefined)
      throw new DisterError("DISTER_ERR_FOUNDING", { reason: "no peer knows this node's address yet" });
    return own.ip;
  }

  /** Asks every founder whether it has accepted; any founder can complete the founding, whoever proposed it. */
  async #completeFounding(proposal: FoundingProposal): Promise<void> {
    const states = new Map<NodeId, FounderState>();
    states.set(this.#self.id, { clusterId: this.#identity.current.clusterId, accepted: proposal.clusterId });
    for (const member of proposal.membership.members) {
      if (member.id !== this.#self.id && this.#directory.get(member.id) === undefined) {
        await this.#discovery
          .hello({ host: member.address.host, raftPort: member.address.ports.raft })
          .catch(() => undefined);
      }
    }
    await Promise.all(
      proposal.membership.members.map(async ({ id }) => {
        if (id === this.#self.id) return;
        const call = this.#json.call<FoundingProposal, FounderState>(id, "founding.accept", proposal, CALL_MS);
        const state = await call.catch(() => undefined);
        if (state !== undefined) states.set(id, state);
      }),
    );
    const lost = foundersLost(proposal, states);
    if (lost.length > 0) {
      return this.#wait(
        `${lost.join(", ")} accepted another founding proposal: run \`dister node reset\` here to join that cluster`,
      );
    }
    if (!isFounded(proposal, states)) return this.#wait(missingFounders(proposal, states));
    this.#enter(proposal.clusterId, "cluster founded");
  }

  async #join(cluster: string): Promise<void> {
    for (const { info } of this.#directory.formed()) {
      if (info.cluster !== cluster) continue;
      try {
        const asked = { info: this.#self.info() };
        const members = await this.#json.call<unknown, readonly Member[] | null>(
          info.id,
          "cluster.join",
          asked,
          5 * CALL_MS,
        );
        for (const member of members ?? []) this.#directory.isMember(member);
        return this.#enter(cluster, "joined the cluster");
      } catch (error) {
        this.#wait(`cluster ${cluster} to take this node in: ${(error as Error).message}`);
      }
    }
  }

  #enter(cluster: string, message: string): void {
    this.#identity.setCluster(cluster);
    this.#waitingFor = "";
    this.#logger.info(message, { cluster });
    this.#formed();
  }
}
