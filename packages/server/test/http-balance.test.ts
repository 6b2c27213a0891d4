import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type BalanceExplanation, type ServiceNode, type ShownService, STATUS } from "@dister/types";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MemoryCluster, type Reply, request, type TestClient, type TestNode, until } from "./memory-cluster.ts";

let cluster: MemoryCluster;
let nodes: TestNode[];
let leader: TestNode;
let follower: TestNode;
let client: TestClient;

/** What is alive, with rising ports. */
let listeners: Server[];

beforeAll(async () => {
  listeners = await Promise.all([0, 0, 0, 0].map(() => webServer(0)));
  listeners.sort((a, b) => portOfServer(a) - portOfServer(b));
  cluster = new MemoryCluster();
  nodes = await cluster.found(3);
  leader = cluster.leader!;
  follower = nodes.find((node) => node !== leader)!;
  client = await cluster.startClient(9, { peers: [2] });
  await until(() => client.node.notReady === undefined);
});
afterAll(async () => {
  await cluster.close();
  await Promise.all(listeners.map(closed));
});

type AnyNode = TestNode | TestClient;
const ask = <T = ServiceNode>(query: string, node: AnyNode = follower): Promise<Reply<T>> =>
  request<T>(node, "GET", `/balance?${query}`);
const explain = async (query: string, node: AnyNode = follower): Promise<BalanceExplanation> =>
  (await ask<BalanceExplanation>(`${query}&explain=1`, node)).body.data;
const portOf = ({ body }: Reply<ServiceNode>): string | undefined => body.data.port;

/** Nodes of type tcp; those that are `up` are at the first of the listeners, the others where nobody listens. */
async function registered(name: string, list: readonly { up?: boolean; [field: string]: unknown }[]): Promise<void> {
  let listener = 0;
  const wanted = list.map(({ up = true }) => (up ? STATUS.alive : STATUS.dead)).join();
  const node = list.map(({ up = true, ...fields }) => {
    const port = up ? portOfServer(listeners[listener++]!) : 1;
    return { host: "127.0.0.1", port, interval: 100, ...fields };
  });
  expect((await request(follower, "POST", "/service", [{ name, type: "tcp", node }])).status).toBe(200);
  await everywhere(name, wanted);
}

async function everywhere(name: string, wanted: string): Promise<void> {
  for (const node of [...nodes, client]) {
    await until(async () => {
      const { status, body } = await request<ShownService>(node, "GET", `/service?name=${name}`);
      if (status !== 200 || body.data.node.some(({ state }) => state === "unknown")) return false;
      return body.data.node.map((one) => one.status).join() === wanted;
    }, `status ${wanted} of ${name}`);
  }
}

describe("GET /balance", () => {
  it("by a key gives the same node at every node of the cluster, and keys to all nodes", async () => {
    await registered("sticky", [{}, {}, {}]);
    const seen = new Set<string>();
    for (let nth = 0; nth < 30; nth++) {
      const query = `name=sticky&policy=hash&key=user-${nth}`;
      const given = await Promise.all([...nodes, client].map(async (node) => portOf(await ask(query, node))));
      expect(new Set(given).size).toBe(1);
      seen.add(given[0]!);
    }
    expect(seen).toEqual(new Set(ports(0, 1, 2)));
  });

  it("by a key moves only the keys of a node that dies", async () => {
    await registered("moving", [{}, {}, {}, {}]);
    const queries = Array.from({ length: 40 }, (_, nth) => `name=moving&policy=hash&key=k${nth}`);
    const before = await Promise.all(queries.map(async (query) => portOf(await ask(query))));
    const dying = listeners.pop()!;
    const gone = String(portOfServer(dying));
    await closed(dying);
    await everywhere("moving", "1,1,1,0");
    const after = await Promise.all(queries.map(async (query) => portOf(await ask(query))));
    expect(before).toContain(gone);
    expect(after).toEqual(before.map((port, at) => (port === gone ? after[at] : port)));
    expect(after).not.toContain(gone);
    listeners.push(await webServer(0, Number(gone)));
  });

  it("takes the first that is alive with policy=first", async () => {
    await registered("ordered", [{ up: false }, { priority: 0 }, {}, { priority: 1_000 }]);
    expect(portOf(await ask("name=ordered&policy=first"))).toBe(ports(1)[0]);
  });

  it("gives as many different nodes as asked for, or as there are, as a list", async () => {
    await registered("several", [{}, { up: false }, {}, {}]);
    for (const policy of ["priority", "round-robin", "latency", "first", "hash&key=k"]) {
      const two = await ask<ServiceNode[]>(`name=several&policy=${policy}&count=2`);
      expect(new Set(two.body.data.map(({ port }) => port)).size).toBe(2);
      const all = await ask<ServiceNode[]>(`name=several&policy=${policy}&count=9`);
      expect(all.body.data).toHaveLength(3);
      expect(new Set(all.body.data.map(({ port }) => port))).toEqual(new Set(ports(0, 1, 2)));
    }
    expect((await ask<ServiceNode[]>("name=several&policy=first&count=1")).body.data).toHaveLength(1);
  });

  it("says 503 when nobody is left, by every policy", async () => {
    await registered("nobody", [{ up: false }, { priority: 0 }]);
    for (const more of [
      "",
      "&policy=first",
      "&policy=hash&key=k",
      "&policy=latency",
      "&policy=round-robin",
      "&count=2",
    ]) {
      const { status, body } = await ask(`name=nobody${more}`);
      expect([status, body.code, body.data]).toEqual([503, "DISTER_ERR_NO_HEALTHY_NODE", null]);
    }
  });

  it("explains: every node by host and port, its weight or why it was left out, and the draw", async () => {
    const [one, two, three] = ports(0, 1, 2);
    await registered("told", [{ priority: 30 }, { up: false }, { priority: 0 }, {}]);
    const { status, body } = await ask<BalanceExplanation>("name=told&policy=first&explain=1&count=2");
    expect(status).toBe(200);
    expect(body.data).toMatchObject({
      policy: "first",
      chosen: [{ port: one }, { port: three }],
      totalWeight: 130,
      draws: [
        `Candidate 127.0.0.1:${one} was chosen: it is the first in the list.`,
        `Candidate 127.0.0.1:${three} was chosen: it is the first in the list behind those chosen before.`,
      ],
    });
    expect(body.data.candidates).toEqual([
      {
        ...{
          id: `127.0.0.1:${one}`,
          host: "127.0.0.1",
          port: one,
          weight: 30,
          effectiveWeight: 30,
          leftOut: null,
          chosen: 1,
        },
        says: "took part with weight 30; chosen",
      },
      {
        ...{
          id: "127.0.0.1:1",
          host: "127.0.0.1",
          port: "1",
          weight: 100,
          effectiveWeight: 0,
          leftOut: "critical",
          chosen: null,
        },
        says: "left out, critical",
      },
      {
        ...{
          id: `127.0.0.1:${two}`,
          host: "127.0.0.1",
          port: two,
          weight: 0,
          effectiveWeight: 0,
          leftOut: "weight 0",
          chosen: null,
        },
        says: "left out, weight 0",
      },
      {
        ...{
          id: `127.0.0.1:${three}`,
          host: "127.0.0.1",
          port: three,
          weight: 100,
          effectiveWeight: 100,
          leftOut: null,
          chosen: 2,
        },
        says: "took part with weight 100; chosen as number 2",
      },
    ]);
  });

  it("explains why nobody is left, in place of an error", async () => {
    await registered("none", [{ up: false }, { up: false }]);
    const { chosen, candidates, draws } = await explain("name=none");
    expect(chosen).toEqual([]);
    expect(candidates.map(({ leftOut }) => leftOut)).toEqual(["critical", "critical"]);
    expect(draws).toEqual(["Nobody was chosen: of 2 candidates none may be."]);
  });

  it("explains in the words of states: one that was never checked is not critical, one that is drained and dead is drained", async () => {
    await registered("states", [
      { id: "a", up: false },
      { id: "b", up: false },
    ]);
    await request(follower, "POST", "/service/mode", [{ name: "states", id: "b", mode: "draining" }]);
    const silent = { name: "silent", type: "ttl", node: [{ id: "c", host: "h", ttl: 86_400_000 }] };
    await request(follower, "POST", "/service", [silent]);
    const said = [...(await explain("name=states")).candidates, ...(await explain("name=silent")).candidates];
    expect(said.map(({ id, leftOut, says }) => [id, leftOut, says])).toEqual([
      ["a", "critical", "left out, critical"],
      ["b", "draining", "left out, draining"],
      ["c", "unknown", "left out, unknown"],
    ]);
  });

  it("shows neither user nor password in an explanation (X11)", async () => {
    await registered("secret", [
      { user: "admiral", pass: "hunter2" },
      { user: "admiral", pass: "hunter2", up: false },
    ]);
    for (const more of ["", "&count=2", "&policy=hash&key=k"]) {
      const { body } = await ask<BalanceExplanation>(`name=secret&explain=1${more}`);
      expect(JSON.stringify(body)).not.toContain("hunter2");
      expect(JSON.stringify([body.data.candidates, body.data.draws])).not.toContain("admiral");
    }
  });

  it("takes nodes of one address for different ones", async () => {
    await registered(
      "twins",
      [0, 0, 0].map(() => ({ port: ports(0)[0] })),
    );
    for (const policy of ["hash&key=k", "round-robin"]) {
      expect((await ask<ServiceNode[]>(`name=twins&policy=${policy}&count=3`)).body.data).toHaveLength(3);
    }
  });

  it.each([
    ["policy=fastest", /^policy: got "fastest", allowed is .*priority.*round-robin.*hash.*latency.*first/],
    ["policy=hash", /^key: got nothing, allowed is needed with policy=hash: a text, equal texts get the same node$/],
    ["policy=hash&key=", /^key: got "", allowed is a text of 1 to 1024 characters$/],
    ["key=a", /^key: got "a", allowed is nothing with policy=priority: only policy=hash chooses by a key$/],
    ["count=0", /^count: got "0", allowed is a whole number from 1 to 100$/],
    ["count=-1", /^count: got "-1"/],
    ["count=1e3", /^count: got "1e3"/],
    ["count=101", /^count: got "101"/],
    ["count=1&count=2", /^count: got a list of 2/],
    ["policy=first&tags=", /^tags: got "", allowed is tags by commas, 1 to 1024 characters$/],
    ["tags=eu", /^tags: got "eu", allowed is nothing with policy=priority: only policy=first chooses by tags$/],
    ["explain=yes", /^explain: got "yes", allowed is .*0.*1/],
  ])("%s is a 400 that says what is allowed", async (query, message) => {
    const { status, body } = await ask(`name=x&${query}`);
    expect([status, body.code]).toEqual([400, "DISTER_ERR_INVALID"]);
    expect(body.message).toMatch(message);
  });
});

it("a key that is too long is a 400", async () => {
  const { status, body } = await ask(`name=x&policy=hash&key=${"x".repeat(1_025)}`);
  expect(status).toBe(400);
  expect(body.message).toMatch(/^key: got "x+\.\.\., allowed is a text of 1 to 1024 characters$/);
});

describe("GET /balance?policy=latency", () => {
  it("uses at every node, client nodes too, what the leader has measured", async () => {
    const servers = await Promise.all([0, 80].map((delayMs) => webServer(delayMs)));
    const node = servers.map((server) => ({ url: `http://127.0.0.1:${portOfServer(server)}/`, interval: 100 }));
    await request(follower, "POST", "/service", [{ name: "speeds", type: "web", node }]);
    for (const any of [leader, follower, client]) {
      await until(async () => {
        const { candidates } = await explain("name=speeds&policy=latency", any);
        const [fast, slow] = candidates.map(({ effectiveWeight }) => effectiveWeight);
        return slow! > 0 && slow! < fast! / 2;
      }, "the slow one has less than half of the weight");
      const { candidates } = await explain("name=speeds&policy=latency", any);
      expect(candidates[1]!.says).toMatch(/of 100: its latency of [\d.]+ ms leaves [\d.]+ %/);
      expect(candidates[1]!.port).toBe(String(portOfServer(servers[1]!)));
    }
    await request(follower, "DELETE", "/service", ["speeds"]);
    await Promise.all(servers.map(closed));
  });

  it("chooses by the weights alone where all are equally quick", async () => {
    await registered("unmeasured", [{ priority: 1 }, { priority: 0 }]);
    expect(portOf(await ask("name=unmeasured&policy=latency"))).toBe(ports(0)[0]);
    const { candidates } = await explain("name=unmeasured&policy=latency");
    expect(candidates[0]!.says).toMatch(/^took part with weight 1; chosen/);
  });
});

/** Answers each request after so many milliseconds. */
async function webServer(delayMs: number, port = 0): Promise<Server> {
  const server = createServer((_question, answer) => void setTimeout(() => answer.end("ok"), delayMs));
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return server;
}

async function closed(server: Server): Promise<void> {
  await new Promise((resolve) => server.close(resolve));
}

function portOfServer(server: Server): number {
  return (server.address() as AddressInfo).port;
}

/** The ports of listeners, as replies show them. */
function ports(...at: number[]): string[] {
  return at.map((listener) => String(portOfServer(listeners[listener]!)));
}
