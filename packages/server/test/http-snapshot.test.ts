import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { LIMITS } from "@dister/types";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MemoryCluster, request, type TestNode, until } from "./memory-cluster.ts";

let cluster: MemoryCluster;
beforeEach(() => {
  cluster = new MemoryCluster();
});
afterEach(() => cluster.close());

const head = (bytes: Buffer): Record<string, unknown> =>
  JSON.parse(bytes.subarray(16, 16 + bytes.readUInt32BE(12)).toString());

async function snapshot(node: TestNode, query = ""): Promise<Response> {
  return fetch(`${node.url}/cluster/snapshot${query}`);
}

/** Asks for a backup and reads nothing of it but its head; `close` goes away. */
async function stalled(node: TestNode): Promise<{ close: () => void }> {
  const asked = get(`${node.url}/cluster/snapshot`);
  const [response] = (await once(asked, "response")) as [IncomingMessage];
  response.on("error", () => {});
  expect(response.statusCode).toBe(200);
  return { close: () => response.destroy() };
}

/** State of more than a socket's buffers take. */
async function fill(node: TestNode): Promise<void> {
  const value = "v".repeat(1_000_000);
  for (let i = 0; i < 24; i++) {
    expect((await request(node, "POST", "/kv", { [`key${i}`]: value })).status).toBe(200);
  }
}

describe("GET /cluster/snapshot", () => {
  it("gives the bytes of a backup of everything that was acknowledged, at any node, and says of which log id", async () => {
    const nodes = await cluster.found(3);
    const written = await request<{ logid: number }>(nodes[0]!, "POST", "/kv", { a: "1", b: "2" });
    for (const node of nodes) {
      const response = await snapshot(node);
      expect(response.status).toBe(200);
      expect(response.headers.get("content-type")).toBe("application/octet-stream");
      const logId = Number(response.headers.get("x-dister-logid"));
      expect(logId).toBeGreaterThanOrEqual(written.body.data.logid);
      const bytes = Buffer.from(await response.arrayBuffer());
      expect(bytes.subarray(0, 8).toString()).toBe("DISTERBK");
      const { node: info } = { node: node.node.components.self.info() };
      expect(head(bytes)).toMatchObject({
        ...{ group: "test", cluster: info.cluster, node: node.id, logid: logId, keys: 2, services: 0 },
      });
    }
  });

  it("without a leader gives what the node has when asked for it by name, and nothing otherwise", async () => {
    const nodes = await cluster.found(3);
    await request(nodes[0]!, "POST", "/kv", { a: "1" });
    await Promise.all(nodes.slice(1).map((node) => node.kill()));
    const refused = await snapshot(nodes[0]!);
    expect(refused.status).toBeGreaterThanOrEqual(503);
    expect(await refused.json()).toMatchObject({ result: 0, code: expect.stringMatching(/NO_LEADER|TIMEOUT/) });
    expect((await snapshot(nodes[0]!, "?consistency=local")).status).toBe(200);
  });

  it("is refused by a node without a cluster, for a parameter that it does not know, and for another method", async () => {
    const node = await cluster.start(1, { minNode: 2 });
    expect(await (await snapshot(node)).json()).toMatchObject({ code: "DISTER_ERR_NOT_FORMED" });
    expect(await (await snapshot(node, "?consistency=eventual")).json()).toMatchObject({ code: "DISTER_ERR_INVALID" });
    expect(await (await snapshot(node, "?since=1")).json()).toMatchObject({ code: "DISTER_ERR_INVALID" });
    expect((await fetch(`${node.url}/cluster/snapshot`, { method: "HEAD" })).status).toBe(404);
    expect((await request(node, "POST", "/cluster/snapshot")).status).toBe(404);
  });

  it("goes to so many readers at once, and what a reader held is let go when it goes away", async () => {
    const [node] = (await cluster.found(1)) as [TestNode];
    await fill(node);
    const readers = await Promise.all(Array.from({ length: LIMITS.backupsAtOnceMax }, () => stalled(node)));
    const refused = await snapshot(node);
    expect([refused.status, await refused.json()]).toMatchObject([503, { code: "DISTER_ERR_BUSY" }]);
    readers[0]!.close();
    await until(async () => {
      const response = await snapshot(node);
      if (response.status === 200) return (await response.arrayBuffer()).byteLength > 24_000_000;
      await response.json();
      return false;
    });
    for (const reader of readers) reader.close();
  });
});
