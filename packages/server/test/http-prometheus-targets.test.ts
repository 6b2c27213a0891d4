import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MemoryCluster, request, type TestNode, until } from "./memory-cluster.ts";

let cluster: MemoryCluster;
beforeEach(() => {
  cluster = new MemoryCluster();
});
afterEach(() => cluster.close());

interface Group {
  readonly targets: string[];
  readonly labels: Record<string, string>;
}

const PATH = "/service?format=prometheus-sd";
/** Nothing listens on port 1 of loopback. */
const dead = { host: "127.0.0.1", port: 1 };
const tcp = (name: string, count: number) => ({
  name,
  type: "tcp",
  node: Array.from({ length: count }, (_, i) => ({ ...dead, host: `127.0.0.${i + 1}` })),
});

type Asked = Pick<TestNode, "url">;

async function ask(node: Asked, path = PATH): Promise<{ status: number; type: string | null; body: unknown }> {
  const response = await fetch(`${node.url}${path}`);
  return { status: response.status, type: response.headers.get("content-type"), body: await response.json() };
}

async function targets(node: Asked, path = PATH): Promise<string[]> {
  const { status, body } = await ask(node, path);
  expect([status, body]).toEqual([200, expect.any(Array)]);
  return (body as Group[]).map(({ targets, labels }) => `${labels["__meta_dister_service"]} ${targets.join()}`);
}

describe("GET /service?format=prometheus-sd", () => {
  it("is a bare list in the type that Prometheus insists on, and empty when there is nothing", async () => {
    const [node] = (await cluster.found(1)) as [TestNode];
    expect(await ask(node)).toEqual({ status: 200, type: "application/json; charset=utf-8", body: [] });
    expect(await targets(node, `${PATH}&name=nobody`)).toEqual([]);
  });

  it("has all services, or the one that is named, in order, just registered, at every node", async () => {
    const nodes = await cluster.found(3);
    const client = await cluster.startClient(9, { peers: [1, 2, 3] });
    const all = ["a 127.0.0.1:1", "a 127.0.0.2:1", "b 127.0.0.1:1"];
    await request(nodes[0]!, "POST", "/service", [tcp("b", 1), tcp("a", 2)]);
    for (const node of [...nodes, client]) {
      expect(await targets(node)).toEqual(all);
      expect(await targets(node, `${PATH}&name=`)).toEqual(all);
      expect(await targets(node, `${PATH}&name=b`)).toEqual(["b 127.0.0.1:1"]);
    }
    await request(nodes[1]!, "DELETE", "/service", ["a"]);
    for (const node of [...nodes, client]) expect(await targets(node)).toEqual(["b 127.0.0.1:1"]);
  });

  it("says of what log id the list is", async () => {
    const [node] = (await cluster.found(1)) as [TestNode];
    const { body } = await request<{ logid: number }>(node, "POST", "/service", [tcp("a", 1)]);
    const response = await fetch(`${node.url}${PATH}`);
    await response.text();
    expect(Number(response.headers.get("x-dister-logid"))).toBeGreaterThanOrEqual(body.data.logid);
  });

  it.each([
    ["format=consul", 'format: got "consul", allowed is prometheus-sd, or no format for the usual reply'],
    ["format=", 'format: got "", allowed is prometheus-sd, or no format for the usual reply'],
    ["format=prometheus-sd&tag=x", 'tag: got "x", allowed is no field of this name'],
    [
      "format=prometheus-sd&consistency=local",
      'consistency: got "local", allowed is linearizable with format=prometheus-sd: Prometheus would drop the targets that an old list lacks',
    ],
  ])("refuses %s and says what is allowed (X3)", async (query, message) => {
    const [node] = (await cluster.found(1)) as [TestNode];
    expect(await ask(node, `/service?${query}`)).toMatchObject({
      status: 400,
      body: { result: 0, message, data: null, code: "DISTER_ERR_INVALID" },
    });
  });
});

// Prometheus keeps its targets when it gets an error, and drops what is missing in a list.
describe("in place of a list that may have gaps there is an error", () => {
  const refused = (status: number, code: string) => ({ status, body: { result: 0, code, data: null } });

  it("at a node that belongs to no cluster yet", async () => {
    const node = await cluster.start(1, { minNode: 2, peers: [2] });
    expect(await ask(node)).toMatchObject(refused(503, "DISTER_ERR_NOT_FORMED"));
  });

  it("at a server that has lost the majority, while its usual reply still has what it knows", async () => {
    const nodes = await cluster.found(3);
    await request(nodes[0]!, "POST", "/service", [tcp("a", 1)]);
    const [left, ...gone] = nodes as [TestNode, TestNode, TestNode];
    await until(() => left.state.service("a") !== undefined);
    for (const node of gone) await node.kill();
    const { status, body } = await ask(left);
    expect([status, body]).toEqual([expect.any(Number), expect.objectContaining({ result: 0 })]);
    expect(status).toBeGreaterThanOrEqual(503);
    expect((await request(left, "GET", "/service?name=a")).status).toBe(200);
  });

  it("at a server that has joined just now and does not have the services yet", async () => {
    const nodes = await cluster.found(3);
    await request(nodes[0]!, "POST", "/service", [tcp("a", 2)]);
    const late = await cluster.start(4, { minNode: 3, peers: [1] });
    const answers: unknown[] = [];
    await until(async () => {
      const { status, body } = await ask(late);
      if (status === 200) answers.push((body as Group[]).length);
      return status === 200;
    });
    expect(answers).toEqual([2]);
  });

  it("at a client node without any server, while its usual reply is marked stale", async () => {
    const [server] = (await cluster.found(1)) as [TestNode];
    await request(server, "POST", "/service", [tcp("a", 1)]);
    const client = await cluster.startClient(9, { peers: [1], holdMs: 200 });
    await until(() => client.node.notReady === undefined);
    await server.kill();
    await until(async () => (await request(client, "GET", "/service")).body.stale === true);
    expect(await ask(client)).toMatchObject(refused(503, "DISTER_ERR_NO_SERVER"));
    expect(await ask(client, `${PATH}&name=a`)).toMatchObject(refused(503, "DISTER_ERR_NO_SERVER"));
  });
});
