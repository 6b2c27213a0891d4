import { describe, expect, it } from "vitest";
import { isDisterError } from "./errors.ts";
import { LIMITS } from "./limits.ts";
import {
  decodeMembership,
  encodeMembership,
  type Member,
  membershipOf,
  NO_MEMBERSHIP,
  stateVersionOf,
  voterIds,
  withMembers,
} from "./membership.ts";
import { ROLE } from "./node-info.ts";

function member(id: string, voter = true): Member {
  return {
    id,
    name: `n${id}`,
    role: ROLE.server,
    voter,
    address: { host: "10.0.0.1", ports: { raft: 1, repl: 2, api: 3 } },
  };
}
const [A, B, C] = ["000000000000000A", "000000000000000B", "000000000000000C"] as const;
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("a membership", () => {
  it("is sorted by id however it is made, without touching what it is made of", () => {
    const given = [member(C), member(A), member(B)];
    expect(membershipOf(given).members.map(({ id }) => id)).toEqual([A, B, C]);
    expect(given.map(({ id }) => id)).toEqual([C, A, B]);
  });

  it("names its voters, sorted", () => {
    expect(voterIds(membershipOf([member(C), member(B, false), member(A)]))).toEqual([A, C]);
    expect(voterIds(NO_MEMBERSHIP)).toEqual([]);
  });

  it("is the same after it was encoded and decoded, down to its bytes", () => {
    for (const members of [
      [],
      [member(A)],
      [member(A), member(B, false), { ...member(C), name: "ñ 🔑", role: ROLE.monitor }],
    ]) {
      const membership = membershipOf(members);
      expect(decodeMembership(encodeMembership(membership))).toEqual(membership);
      expect(encodeMembership(decodeMembership(encodeMembership(membership)))).toEqual(encodeMembership(membership));
    }
  });

  it("keeps the state versions of the cluster and of its members, over other members as well", () => {
    const membership = membershipOf([{ ...member(A), stateVersion: 4 }, member(B)], 3);
    expect(decodeMembership(encodeMembership(membership))).toEqual(membership);
    expect(membership.members.map(stateVersionOf)).toEqual([4, 1]);
    expect(stateVersionOf(withMembers(membership, [member(C)]))).toBe(3);
    expect(stateVersionOf(membershipOf([member(C)]))).toBe(1);
  });

  it("is JSON that any tool reads", () => {
    const text = new TextDecoder().decode(encodeMembership(membershipOf([member(A)])));
    expect(text).toBe(
      '{"v":1,"members":[{"id":"000000000000000A","name":"n000000000000000A","role":0,"voter":true,' +
        '"address":{"host":"10.0.0.1","ports":{"raft":1,"repl":2,"api":3}}}]}',
    );
  });

  it.each<[string, Uint8Array]>([
    ["nothing", new Uint8Array()],
    ["no JSON", bytes("{")],
    ["no object", bytes("null")],
    ["state version 0", bytes('{"v":1,"members":[],"stateVersion":0}')],
    ["another version", bytes('{"v":2,"members":[]}')],
    ["no list", bytes('{"v":1,"members":{}}')],
    ["a member that is none", bytes('{"v":1,"members":[null]}')],
    ["an id that is none", bytes(`{"v":1,"members":[{"id":"a","voter":true}]}`)],
    ["a list as an id", bytes(`{"v":1,"members":[{"id":["${A}"],"voter":true}]}`)],
    ["a vote that is none", bytes(`{"v":1,"members":[{"id":"${A}","voter":1}]}`)],
    ["a member twice", bytes(`{"v":1,"members":[{"id":"${A}","voter":true},{"id":"${A}","voter":false}]}`)],
    [
      "too many members",
      encodeMembership({
        members: Array.from({ length: LIMITS.membersMax + 1 }, (_, i) =>
          member(i.toString(16).toUpperCase().padStart(16, "0")),
        ),
      }),
    ],
    ["bytes that are not UTF-8", Uint8Array.of(0x7b, 0xff, 0x7d)],
  ])("is not read from %s", (_name, payload) => {
    let found: unknown;
    try {
      decodeMembership(payload);
    } catch (error) {
      found = error;
    }
    expect(isDisterError(found, "DISTER_ERR_COMMAND")).toBe(true);
  });
});
