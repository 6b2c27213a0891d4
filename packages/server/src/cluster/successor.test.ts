import { membershipOf } from "@dister/types";
import { expect, it } from "vitest";
import { Successor } from "./successor.ts";

const idOf = (n: number): string => `000000000000000${n}`;
const address = { host: "h", ports: { raft: 1, repl: 2, api: 3 } };

function statusOf(
  peers: readonly { readonly n: number; readonly match?: number; readonly voter?: boolean }[],
): Parameters<Successor["of"]>[0] {
  const members = peers.map(({ n, voter = true }) => ({
    id: idOf(n),
    name: `n${n}`,
    role: 0 as const,
    voter,
    address,
  }));
  const rest = { next: 1_001, state: "replicate", silentMs: 0, suspect: false, lostData: false } as const;
  const progress = peers.map(({ n, match = 1_000 }) => ({ id: idOf(n), match, ...rest }));
  return { id: idOf(1), membership: membershipOf(members), progress, lastIndex: 1_000 };
}

const said = (n: number, boot: string): { id: string; boot: string } => ({ id: idOf(n), boot });
const all = (): boolean => true;

it("is the voter whose process was started last, so that a rolling restart changes the leader twice at the most", () => {
  const successor = new Successor();
  for (const n of [2, 3, 4]) successor.heard(said(n, "a"));
  successor.heard(said(2, "b"));
  successor.heard(said(3, "a"));
  expect(successor.of(statusOf([{ n: 2 }, { n: 3 }, { n: 4 }]), all)).toBe(idOf(2));
});

it("is connected, has a vote and nearly everything", () => {
  const successor = new Successor();
  for (const n of [5, 4, 3, 2]) successor.heard(said(n, "a"));
  const peers = [{ n: 2, match: 900 }, { n: 3, voter: false }, { n: 4 }, { n: 5 }];
  expect(successor.of(statusOf(peers), all)).toBe(idOf(4));
  expect(successor.of(statusOf(peers), (id) => id !== idOf(4))).toBe(idOf(5));
  expect(successor.of(statusOf(peers.slice(0, 2)), all)).toBeUndefined();
});
