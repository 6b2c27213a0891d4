import type { Clock, Member, NodeId, PeerAddress, PeerRpc, Ports } from "@dister/types";
import { JsonRpc } from "./json-rpc.ts";
import type { PeerDirectory } from "./peer-directory.ts";
import type { Self } from "./self.ts";

/** How long the answer holds that a member is still reached where the log says, in milliseconds. */
const ANSWER_HOLDS_MS = 60_000;
const CALL_MS = 3_000;

/** Where a peer sees the node that asks. */
interface SeenAt {
  /** Where it is connected to it; empty when it is not. */
  readonly host: string;
}

interface Check {
  /** Of the member as it is in the log, to which the answer belongs. */
  readonly host: string;
  readonly atMs: number;
  /** Null while the answer is on its way. */
  readonly isRight: boolean | null;
  /** A better host, where one is known. */
  readonly better: string;
}

/**
 * Says which addresses in the log are wrong, for the leader. An address that a node names itself is right. Otherwise one is
 * wrong only when the node is connected elsewhere and does not answer there any more: two addresses that both work never
 * take turns, whoever leads and however differently two nodes see the third.
 */
export class MemberAddresses {
  readonly #self: Self;
  readonly #directory: PeerDirectory;
  readonly #rpc: PeerRpc;
  readonly #json: JsonRpc;
  readonly #clock: Clock;
  readonly #checks = new Map<NodeId, Check>();

  constructor(parts: { self: Self; directory: PeerDirectory; rpc: PeerRpc; clock: Clock }) {
    this.#self = parts.self;
    this.#directory = parts.directory;
    this.#rpc = parts.rpc;
    this.#json = new JsonRpc(parts.rpc);
    this.#clock = parts.clock;
    this.#json.serve<null, SeenAt>("address.seen", ({ id }) => {
      return { host: this.#directory.isUp(id) ? (this.#directory.get(id)?.address.host ?? "") : "" };
    });
  }

  /**
   * The address that should take the place of a member's in the log; null when that one is right, or as long as it is not
   * known to be wrong.
   */
  correction(member: Member): PeerAddress | null {
    const seen = member.id === this.#self.id ? this.#own() : this.#other(member.id);
    if (seen === null) return null;
    const { named, host, ports } = seen;
    if (named !== "") return correct(member, { host: named, ports });
    // Its ports are known by itself in any case.
    if (host === member.address.host) return correct(member, { host, ports });
    const check = this.#check(member, host);
    const isWrong = check.isRight === false && check.better !== "";
    return correct(member, { host: isWrong ? check.better : member.address.host, ports });
  }

  #other(id: NodeId): { named: string; host: string; ports: Ports } | null {
    const known = this.#directory.get(id);
    if (known === undefined || !this.#directory.isUp(id)) return null;
    return { named: known.named, host: known.address.host, ports: known.info.ports };
  }

  /** Where this node is reached when it names no address, only the others know. */
  #own(): { named: string; host: string; ports: Ports } {
    const { ip, ports } = this.#self.info();
    return { named: ip, host: "", ports: { ...ports, ...this.#rpc.ports() } };
  }

  #check(member: Member, elsewhere: string): Check {
    const { host } = member.address;
    const nowMs = this.#clock.nowMs();
    const known = this.#checks.get(member.id);
    if (known?.host === host && nowMs - known.atMs < ANSWER_HOLDS_MS) return known;
    const asked: Check = { host, atMs: nowMs, isRight: null, better: "" };
    this.#checks.set(member.id, asked);
    const answer = member.id === this.#self.id ? this.#askOthers(host) : this.#askThere(member, elsewhere);
    void answer.then((found) => this.#checks.set(member.id, { host, atMs: this.#clock.nowMs(), ...found }));
    return asked;
  }

  /** Does the member still answer where the log says? */
  async #askThere({ id, address }: Member, elsewhere: string): Promise<Pick<Check, "isRight" | "better">> {
    try {
      const info = await this.#rpc.hello({ host: address.host, raftPort: address.ports.raft });
      return { isRight: info.id === id, better: elsewhere };
    } catch {
      return { isRight: false, better: elsewhere };
    }
  }

  /** Does anybody reach this node where the log says? If not, the address at which most do is better. */
  async #askOthers(host: string): Promise<Pick<Check, "isRight" | "better">> {
    const peers = this.#directory.all().filter(({ info }) => this.#directory.isUp(info.id));
    const asked = peers.map(({ info }) => this.#json.call<null, SeenAt>(info.id, "address.seen", null, CALL_MS));
    const votes = new Map<string, number>();
    for (const answer of await Promise.allSettled(asked)) {
      if (answer.status === "rejected" || answer.value.host === "") continue;
      votes.set(answer.value.host, (votes.get(answer.value.host) ?? 0) + 1);
    }
    const [most] = [...votes].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
    return { isRight: most === undefined || votes.has(host), better: most?.[0] ?? "" };
  }
}

function correct({ address }: Member, right: PeerAddress): PeerAddress | null {
  const { host, ports } = address;
  const isSame =
    host === right.host &&
    ports.raft === right.ports.raft &&
    ports.repl === right.ports.repl &&
    ports.api === right.ports.api;
  return isSame ? null : right;
}
