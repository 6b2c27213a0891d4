import { readdir, readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MemoryCluster, request, type TestNode } from "./memory-cluster.ts";

const DOCS = new URL("../../../docs/reference/http-api.md", import.meta.url);
const ROUTES = new URL("../src/http/", import.meta.url);

async function documented(): Promise<string[]> {
  const text = await readFile(DOCS, "utf8");
  return [...text.matchAll(/^### `([A-Z]+ \/\S+)`$/gm)].map(([, call]) => call!);
}

describe("docs/reference/http-api.md", () => {
  let cluster: MemoryCluster;
  let node: TestNode;
  beforeAll(async () => {
    cluster = new MemoryCluster();
    [node] = (await cluster.found(1)) as [TestNode];
  });
  afterAll(() => cluster.close());

  it("has no call that does not exist", async () => {
    for (const call of await documented()) {
      const [method, path] = call.split(" ") as [string, string];
      if (path === "/ui/") continue; // Only where the node was given a console.
      const response = await fetch(`${node.url}${path}`, { method });
      if (path !== "/metrics")
        expect([call, await response.text()]).not.toEqual([call, expect.stringContaining("DISTER_ERR_ROUTE")]);
      expect([call, response.status]).not.toEqual([call, 404]);
    }
  });

  it("has every call that exists", async () => {
    const files = (await readdir(ROUTES)).filter((name) => name.endsWith("-routes.ts") && name !== "console-routes.ts");
    const sources = await Promise.all(files.map((name) => readFile(new URL(name, ROUTES), "utf8")));
    const calls = [...sources.join("\n").matchAll(/server\.(get|post|put|delete)\("(\/[^"*]+)"/g)];
    const routes = calls.map(([, method, path]) => `${method!.toUpperCase()} ${path}`);
    expect(routes.length).toBeGreaterThan(12);
    expect((await documented()).filter((call) => call !== "GET /ui/").sort()).toEqual(routes.sort());
  });

  it("shows a page as it is", async () => {
    await request(node, "POST", "/kv", { "app/a": "1", "app/b": "2" });
    const response = await fetch(`${node.url}/kv?prefix=app/&limit=1`);
    expect(await readFile(DOCS, "utf8")).toContain(await response.text());
  });
});
