import { type Member, membershipOf, ROLE, type Role } from "@dister/types";
import { describe, expect, it } from "vitest";
import { type RoleFacts, roleChanges, stayingVoters } from "./role-change.ts";

const idOf = (n: number): string => n.toString(16).toUpperCase().padStart(16, "0");

function member(n: number, role: Role = ROLE.server, voter = role === ROLE.server): Member {
  const address = { host: `10.0.0.${n}`, ports: { raft: 1, repl: 2, api: 3 } };
  return { id: idOf(n), name: `n${n}`, role, voter, address };
}

/** Node 1 leads. `says` has the roles of those that are connected; who is not named is not. */
function facts(own: Role, says: Record<number, Role>, silent: readonly number[] = []): RoleFacts {
  return {
    answers: (id) => {
      const number = Number.parseInt(id, 16);
      return number === 1 || (says[number] !== undefined && !silent.includes(number));
    },
    self: { id: idOf(1), role: own },
    said: (id) => {
      const role = says[Number.parseInt(id, 16)];
      return role === undefined ? undefined : { info: { role } };
    },
  };
}

const { server, monitor, client } = ROLE;
const three = membershipOf([member(1), member(2), member(3)]);
const nothing = { next: null, held: [], leaderLeaves: false };

describe("a member that was started with another role", () => {
  it("is left as it is while it says what the log says", () => {
    expect(roleChanges(three, facts(server, { 2: server, 3: server }))).toEqual(nothing);
    expect(roleChanges(three, facts(server, {}))).toEqual(nothing);
  });

  it("loses its vote as a monitor, when the others can decide without it", () => {
    const changes = roleChanges(three, facts(server, { 2: server, 3: monitor }));
    expect(changes).toEqual({ ...nothing, next: { ...member(3), role: monitor, voter: false } });
  });

  it("keeps its vote as a monitor while the rest would have no majority", () => {
    expect(roleChanges(three, facts(server, { 3: monitor }))).toEqual({ ...nothing, held: [member(3)] });
    const five = membershipOf([1, 2, 3, 4, 5].map((n) => member(n)));
    const twoHeard = facts(server, { 2: server, 5: monitor });
    expect(roleChanges(five, twoHeard)).toEqual({ ...nothing, held: [member(5)] });
    expect(roleChanges(five, facts(server, { 2: server, 3: server, 5: monitor })).next).toMatchObject({ id: idOf(5) });
  });

  it("keeps its vote as a monitor while one that is needed is connected and says nothing", () => {
    const says = { 2: server, 3: monitor };
    expect(roleChanges(three, facts(server, says, [2]))).toEqual({ ...nothing, held: [member(3)] });
  });

  it("may leave the leader as the only voter, for that one can decide", () => {
    const two = membershipOf([member(1), member(2)]);
    expect(roleChanges(two, facts(server, { 2: monitor })).next).toMatchObject({ id: idOf(2), voter: false });
  });

  it("one after the other: the second is judged by what the first has left", () => {
    const changes = roleChanges(three, facts(server, { 2: monitor, 3: monitor }));
    expect(changes.next).toMatchObject({ id: idOf(2) });
    const left = membershipOf([member(1), { ...member(2), role: monitor, voter: false }, member(3)]);
    expect(roleChanges(left, facts(server, { 2: monitor, 3: monitor })).next).toMatchObject({ id: idOf(3) });
  });

  it("becomes a learner as a server, and gets its vote like every learner", () => {
    const membership = membershipOf([member(1), member(2, monitor)]);
    const changes = roleChanges(membership, facts(server, { 2: server }));
    expect(changes.next).toEqual({ ...member(2), voter: false });
  });

  it("is not promoted when it was a learner and became a monitor", () => {
    const membership = membershipOf([member(1), member(2, server, false)]);
    expect(roleChanges(membership, facts(server, { 2: monitor })).next).toMatchObject({ role: monitor, voter: false });
  });

  it("is no client: a member's data cannot be one's", () => {
    expect(roleChanges(three, facts(server, { 2: client }))).toEqual(nothing);
  });
});

describe("a leader that was started as a monitor", () => {
  it("does not take away its own vote: it hands over first", () => {
    expect(roleChanges(three, facts(monitor, { 2: server, 3: server }))).toEqual({ ...nothing, leaderLeaves: true });
  });

  it("hands over to connected voters that stay servers, and to nobody else", () => {
    expect(stayingVoters(three, facts(monitor, { 2: monitor, 3: server }))).toEqual([idOf(3)]);
    expect(stayingVoters(three, facts(monitor, { 3: monitor }))).toEqual([]);
    const learner = membershipOf([member(1), member(2, server, false)]);
    expect(stayingVoters(learner, facts(monitor, { 2: server }))).toEqual([]);
  });
});
