import type { LogFields, Logger } from "@dister/types";
import { ManualClock } from "@dister/types/testing";
import { afterEach, describe, expect, it } from "vitest";
import { MemoryCluster, request, type TestNode, until } from "./memory-cluster.ts";

let cluster: MemoryCluster;
afterEach(() => cluster.close());

interface Status {
  readonly waitingFor: string | null;
  readonly leadership: { leader: string; term: number; reason: string; since: string; forMs: number } | null;
  readonly leaderless: { since: string; forMs: number; reason: string } | null;
  readonly leaders: readonly { leader: string; term: number; reason: string; ended: { reason: string } | null }[];
  readonly members: readonly { id: string; lag: number | null; silentMs: number | null; status: number }[];
  readonly raft: { comparison: object | null; leaderSilentMs: number | null };
  readonly disk: object | null;
}

async function statusOf(node: TestNode): Promise<Status> {
  return (await request<Status>(node, "GET", "/cluster/status")).body.data;
}

async function found(count: number): Promise<{ leader: TestNode; others: TestNode[] }> {
  cluster = new MemoryCluster();
  const nodes = await cluster.found(count);
  const leader = cluster.leader!;
  return { leader, others: nodes.filter((node) => node !== leader) };
}

function cutApart(a: TestNode, b: TestNode): void {
  cluster.network.cut(a.id, b.id);
  cluster.network.cut(b.id, a.id);
}

describe("GET /cluster/status", () => {
  it("says at every node who leads since when, with the reason in the leader's own words", async () => {
    const { leader, others } = await found(3);
    const { leadership } = await statusOf(leader);
    expect(leadership).toMatchObject({ leader: leader.id, name: `node${leader.number}`, ended: null });
    for (const node of others) {
      await until(async () => (await statusOf(node)).leadership?.reason === leadership!.reason);
      const seen = (await statusOf(node)).leadership!;
      expect(seen).toMatchObject({ leader: leader.id, term: leadership!.term });
      expect(Math.abs(Date.parse(seen.since) - Date.parse(leadership!.since))).toBeLessThan(1_000);
    }
  });

  it("keeps why the last leader went, and what its successor says, on every node that saw it", async () => {
    const { leader, others } = await found(3);
    await leader.kill();
    await until(() => cluster.leader !== undefined && others.every(({ node }) => node.notReady === undefined));
    const next = cluster.leader!;
    const told = (await statusOf(next)).leaders;
    expect(told[1]).toMatchObject({ leader: leader.id, ended: { reason: expect.stringMatching(/./) } });
    const other = others.find((node) => node !== next)!;
    await until(async () => (await statusOf(other)).leaders[0]?.reason === told[0]!.reason);
    expect((await statusOf(other)).leaders[1]).toMatchObject({ leader: leader.id, ended: expect.anything() });
    expect(told[0]!.reason).not.toBe("leader announced itself");
  });

  it("says of a leader that was removed that it was", async () => {
    const { leader, others } = await found(3);
    await request(others[0]!, "DELETE", "/node", [leader.id]);
    for (const node of others) {
      await until(async () => (await statusOf(node)).leaders[1]?.ended !== undefined);
      expect((await statusOf(node)).leaders[1]).toMatchObject({
        leader: leader.id,
        ended: { reason: "it was removed" },
      });
    }
  });

  it("shows the lag of a member that is cut off and when it was heard last, asked anywhere", async () => {
    const { leader, others } = await found(3);
    const [cut, other] = others as [TestNode, TestNode];
    for (const node of [leader, other]) cutApart(cut, node);
    await request(leader, "POST", "/kv", { k: "v" });
    for (const node of [leader, other]) {
      await until(async () => ((await statusOf(node)).members.find(({ id }) => id === cut.id)!.lag ?? 0) > 0);
      const { silentMs } = (await statusOf(node)).members.find(({ id }) => id === cut.id)!;
      expect(silentMs).toBeGreaterThan(0);
    }
    expect((await statusOf(leader)).members.find(({ id }) => id === other.id)!.lag).toBe(0);
  });

  it("answers without a leader, and names whom it reaches and whom not", async () => {
    const { leader, others } = await found(3);
    await Promise.all(others.map((node) => node.kill()));
    await until(() => leader.node.notReady === "no leader");
    const names = others.map(({ number }) => `node${number}`).sort();
    const status = await statusOf(leader);
    expect(status.waitingFor).toBe(
      `no leader: of 3 voters 2 are needed and 1 reachable from here; not reached: ${names.join(", ")}`,
    );
    expect(status.leadership).toBeNull();
    expect(status.leaderless).toMatchObject({ reason: "lost touch with a majority", forMs: expect.any(Number) });
    expect(status.members.filter(({ status: alive }) => alive === 1).map(({ id }) => id)).toEqual([leader.id]);
    expect(status.members.every(({ silentMs }) => silentMs === null)).toBe(true);
  });

  it("has the disk's figures, and goes without them when the disk cannot be asked", async () => {
    const { leader } = await found(1);
    expect((await statusOf(leader)).disk).toMatchObject({ logBytes: 8_192, freeBytes: 1_000_000 });
    const { host } = leader.node.components;
    Object.assign(host!, { disk: () => Promise.reject(new Error("gone")) });
    expect((await statusOf(leader)).disk).toBeNull();
    const metrics = await (await fetch(`${leader.url}/metrics`)).text();
    expect(metrics).toMatch(/^dister_disk_free_bytes nan$/im);
    expect(metrics).toMatch(/^dister_raft_is_leader 1$/m);
  });
});

describe("GET /health", () => {
  it("answers GET and HEAD under all its names, with a leader and without", async () => {
    const { leader, others } = await found(3);
    const ask = async (): Promise<number[]> => {
      const answers: number[] = [];
      for (const path of ["/health", "/health/ready", "/health/live"]) {
        for (const method of ["GET", "HEAD"]) {
          const response = await fetch(`${leader.url}${path}`, { method });
          answers.push(response.status);
          const text = await response.text();
          expect(text === "").toBe(method === "HEAD");
        }
      }
      return answers;
    };
    expect(await ask()).toEqual([200, 200, 200, 200, 200, 200]);
    await Promise.all(others.map((node) => node.kill()));
    await until(() => leader.node.notReady === "no leader");
    expect(await ask()).toEqual([503, 503, 503, 503, 200, 200]);
  });
});

describe("GET /metrics", () => {
  it("measures writes on their way: stored, committed and applied, and calls between nodes", async () => {
    const { leader, others } = await found(3);
    await request(others[0]!, "POST", "/kv", { k: "v" });
    const at = async (node: TestNode): Promise<string> => (await fetch(`${node.url}/metrics`)).text();
    const leading = await at(leader);
    expect(leading).toMatch(/^dister_raft_commit_seconds_count [1-9]/m);
    expect(leading).toMatch(/^dister_log_append_seconds_count [1-9]/m);
    expect(leading).toMatch(/^dister_raft_apply_batch_entries_count [1-9]/m);
    expect(leading).toMatch(/^dister_raft_elections_total\{reason="\w+"\} [1-9]/m);
    expect(leading.match(/^dister_raft_peer_lag_entries\{peer="[0-9A-F]{16}"\} /gm)).toHaveLength(2);
    const following = await at(others[0]!);
    expect(following).toMatch(/^dister_peer_calls_total\{method="propose",outcome="ok"\} 1$/m);
    expect(following).toMatch(/^dister_raft_has_leader 1$/m);
    expect(following).toMatch(/^dister_peers_up 2$/m);
    expect(following).not.toMatch(/^dister_raft_peer_lag_entries\{/m);
  });

  it("forgets a member that left, so that the series do not add up over the years", async () => {
    const { leader, others } = await found(3);
    await request(leader, "DELETE", "/node", [others[0]!.id]);
    await until(async () => !(await (await fetch(`${leader.url}/metrics`)).text()).includes(others[0]!.id));
  });
});

describe("log lines", () => {
  interface Line {
    readonly node: string;
    readonly message: string;
    readonly fields: LogFields;
  }

  function collecting(): { lines: Line[]; loggerOf: (name: string) => Logger } {
    const lines: Line[] = [];
    const loggerOf = (node: string): Logger => {
      const line = (message: string, fields: LogFields = {}): void => void lines.push({ node, message, fields });
      return { debug: () => {}, info: line, warn: line, error: line, child: () => loggerOf(node) };
    };
    return { lines, loggerOf };
  }

  it("tell what happens to leaders, members and peers, once each", async () => {
    const { lines, loggerOf } = collecting();
    cluster = new MemoryCluster({ loggerOf });
    await cluster.found(2);
    const late = await cluster.start(3, { minNode: 3, peers: [1] });
    const voters = (): number =>
      cluster.leader?.node.status?.membership.members.filter(({ voter }) => voter).length ?? 0;
    await until(() => voters() === 3);
    await until(() => late.node.notReady === undefined);
    await request(cluster.leader!, "DELETE", "/node", ["node3"]);
    await until(() => late.node.notReady === "removed from the cluster");
    const at = (message: string): Line[] => lines.filter((line) => line.message === message);
    expect(at("leader elected").filter(({ fields }) => fields["self"] === true)).toHaveLength(1);
    expect(at("leader elected")[0]!.fields).toMatchObject({ term: expect.any(Number), reason: expect.any(String) });
    for (const message of ["member added", "member promoted to voter", "member removed"]) {
      const names = at(message).map(({ node, fields }) => `${node}: ${String(fields["name"])}`);
      expect([message, new Set(names).size]).toEqual([message, names.length]);
      expect(names).toEqual(expect.arrayContaining(["node1: node3", "node2: node3"]));
    }
    expect(at("peer up").length).toBeGreaterThanOrEqual(4);
  });

  it("are few for a node that has no majority for ten seconds", async () => {
    const { lines, loggerOf } = collecting();
    const clock = new ManualClock();
    cluster = new MemoryCluster({ clock, loggerOf });
    const turn = async (ms: number): Promise<void> => {
      clock.advance(ms);
      for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
    };
    const nodes = await Promise.all([1, 2, 3].map((n) => cluster.start(n, { minNode: 3, peers: [1, 2, 3] })));
    for (let ms = 0; ms < 20_000 && !nodes.every(({ node }) => node.notReady === undefined); ms += 5) await turn(5);
    const alone = cluster.leader!;
    for (const other of nodes) if (other !== alone) cutApart(alone, other);
    lines.length = 0;
    for (let ms = 0; ms < 10_000; ms += 5) await turn(5);
    expect(alone.node.notReady).toBe("no leader");
    const own = lines.filter(({ node }) => node === `node${alone.number}`);
    expect(own.map(({ message }) => message)).toContain("leader lost");
    expect(own.length).toBeLessThan(10);
  });
});
