import type { CoreStatus } from "@dister/raft";
import { type Member, type Membership, membershipOf, type NodeInfo, ROLE, type Role } from "@dister/types";
import { describe, expect, it } from "vitest";
import { answering } from "./reach.ts";
import { NO_CLEANUP, nextUpkeep, type UpkeepFacts } from "./upkeep.ts";

const idOf = (n: number): string => n.toString(16).toUpperCase().padStart(16, "0");

function member(n: number, rest: Partial<Member> = {}): Member {
  const address = { host: `10.0.0.${n}`, ports: { raft: 1, repl: 2, api: 3 } };
  return { id: idOf(n), name: `n${n}`, role: ROLE.server, voter: true, address, ...rest };
}

function info(one: Member, stateVersion = 1): NodeInfo {
  const { id, name, role, address } = one;
  const fixed = { group: "g", status: 1, raft: 0, logid: 0, serviceid: 0, version: "0", cluster: "" } as const;
  return { ...fixed, id, name, role, ip: address.host, ports: address.ports, stateVersion, boot: id };
}

type Progress = CoreStatus["progress"][number];

/** A leader, node 1, with the given members; what is not said of a peer is that it is well and has everything. */
class Scene {
  membership: Membership;
  readonly peers = new Map<string, Partial<Progress>>();
  readonly away = new Set<string>();
  readonly addresses = new Map<string, Member["address"]>();
  readonly versions = new Map<string, number>();
  cleanup = NO_CLEANUP;

  constructor(...members: Member[]) {
    this.membership = membershipOf(members);
  }

  next(): { message: string; to: Membership } | null {
    const [self] = this.membership.members;
    const progress = this.membership.members.slice(1).map(({ id }): Progress => {
      const usual = { match: 1_000, next: 1_001, state: "replicate", silentMs: 10, suspect: false, lostData: false };
      return { id, ...usual, ...this.peers.get(id) } as Progress;
    });
    const status = { membership: this.membership, progress, lastIndex: 1_000 };
    const versionOf = (id: string): number => this.versions.get(id) ?? 1;
    const facts: UpkeepFacts = {
      answers: answering({ id: self!.id, progress }, (id) => !this.away.has(id)),
      self: info(self!, versionOf(self!.id)),
      said: (id) => {
        const one = this.membership.members.find((known) => known.id === id)!;
        if (this.away.has(id)) return undefined;
        return { info: info(one, versionOf(id)) };
      },
      corrected: ({ id, address }) => {
        const right = this.addresses.get(id);
        return right === undefined || right.host === address.host ? null : right;
      },
      cleanup: this.cleanup,
    };
    return nextUpkeep(status, facts);
  }
}

const voters = (membership: Membership | undefined): number[] =>
  (membership?.members ?? []).filter(({ voter }) => voter).map(({ id }) => Number.parseInt(id, 16));

describe("a learner", () => {
  const scene = (rest: Partial<Member> = {}): Scene => new Scene(member(1), member(2, { voter: false, ...rest }));

  it("becomes a voter when it has caught up and is heard (M7)", () => {
    expect(voters(scene().next()?.to)).toEqual([1, 2]);
  });

  it.each<[string, Partial<Progress>]>([
    ["it lacks more than a little", { match: 935 }],
    ["it gets a snapshot", { state: "snapshot" }],
    ["it was not heard for a second", { silentMs: 1_000 }],
  ])("waits while %s", (_name, peer) => {
    const waiting = scene();
    waiting.peers.set(idOf(2), peer);
    expect(waiting.next()).toBeNull();
  });

  it("stays without a vote where it is a monitor", () => {
    expect(scene({ role: ROLE.monitor as Role }).next()).toBeNull();
  });

  it("waits while an older member has its address: both halves of one machine never vote", () => {
    const old = member(3);
    const both = new Scene(member(1), member(2, { voter: false, address: old.address }), old);
    both.away.add(old.id);
    expect(both.next()).toBeNull();
    both.membership = membershipOf(both.membership.members.filter(({ id }) => id !== old.id));
    expect(voters(both.next()?.to)).toEqual([1, 2]);
  });
});

describe("what a member says of itself", () => {
  it("is noted when its address is another, and only then", () => {
    const scene = new Scene(member(1), member(2));
    expect(scene.next()).toBeNull();
    const address = { host: "10.9.9.9", ports: { raft: 1, repl: 2, api: 3 } };
    scene.addresses.set(idOf(2), address);
    const { to, message } = scene.next()!;
    expect(message).toBe("a member's address changed");
    expect(to.members.map((one) => one.address.host)).toEqual(["10.0.0.1", "10.9.9.9"]);
  });

  it("raises the state version when every member has said that it understands more, never before", () => {
    const scene = new Scene(member(1), member(2), member(3, { role: ROLE.monitor, voter: false }));
    const steps: string[] = [];
    const settle = (): void => {
      for (let step = scene.next(); step !== null; step = scene.next()) {
        steps.push(step.message);
        scene.membership = step.to;
      }
    };
    scene.versions.set(idOf(1), 3).set(idOf(2), 2);
    settle();
    expect(scene.membership.stateVersion).toBeUndefined();
    scene.away.add(idOf(1)).add(idOf(2));
    scene.versions.set(idOf(3), 4);
    settle();
    expect(scene.membership.stateVersion).toBe(2);
    expect(steps.filter((step) => step.includes("newer state version"))).toHaveLength(1);
    // Who was set back to older software cannot lower what is in force.
    scene.away.clear();
    scene.versions.set(idOf(2), 1);
    settle();
    expect(scene.membership.stateVersion).toBe(2);
  });
});

describe("the clean-up of members that are gone", () => {
  const scene = (count: number, gone: readonly number[]): Scene => {
    const made = new Scene(...Array.from({ length: count }, (_, at) => member(at + 1)));
    made.cleanup = { deadAfterMs: 60_000, minVoters: 3 };
    for (const n of gone) {
      made.peers.set(idOf(n), { silentMs: 60_000 });
      made.away.add(idOf(n));
    }
    return made;
  };

  it("does nothing unless it is asked for", () => {
    const off = scene(5, [5]);
    off.cleanup = NO_CLEANUP;
    expect(off.next()).toBeNull();
  });

  it("removes one that was silent for so long, one at a time, while enough are left", () => {
    const five = scene(5, [4, 5]);
    const first = five.next()!;
    expect([first.message, voters(first.to)]).toEqual(["removing a member that is gone", [1, 2, 3, 5]]);
    five.membership = first.to;
    const second = five.next()!;
    expect(voters(second.to)).toEqual([1, 2, 3]);
    five.membership = second.to;
    expect(five.next()).toBeNull();
  });

  it.each<[string, Scene]>([
    ["fewer voters would be left than asked for", scene(3, [3])],
    ["half of those left are away as well: that looks like a cut network", scene(5, [3, 4, 5])],
    ["it is connected after all", Object.assign(scene(5, [5]), { away: new Set<string>() })],
    [
      "it was silent for less",
      (() => {
        const short = scene(5, [5]);
        short.peers.set(idOf(5), { silentMs: 59_999 });
        return short;
      })(),
    ],
  ])("does nothing when %s", (_name, made) => {
    expect(made.next()).toBeNull();
  });

  it("asks for no number of voters where the one that is gone has no vote", () => {
    const made = scene(2, []);
    const monitor = member(3, { voter: false, role: ROLE.monitor });
    made.membership = membershipOf([...made.membership.members, monitor]);
    made.peers.set(monitor.id, { silentMs: 60_000 });
    made.away.add(monitor.id);
    expect(made.next()?.to.members).toHaveLength(2);
  });
});
