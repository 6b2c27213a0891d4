import type {
  BalanceExplanation,
  ChangeEvent,
  InstanceChecks,
  ServiceChecks,
  ShownInstance,
  ShownService,
} from "@dister/types";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { NodeOptions } from "../src/index.ts";
import { Backend } from "./backend.ts";
import { LogLines } from "./log-lines.ts";
import { MemoryCluster, request, type TestNode, until } from "./memory-cluster.ts";

let cluster: MemoryCluster;
let lines: LogLines;
beforeEach(() => {
  lines = new LogLines();
  cluster = new MemoryCluster({ loggerOf: () => lines.logger });
});
afterEach(async () => {
  await cluster.close();
  await Backend.closeAll();
});

type Api = { readonly url: string };
const entry = (port: number, more = {}): object => ({
  id: `p${port}`,
  host: "127.0.0.1",
  port,
  interval: 100,
  timeout: 500,
  ...more,
});
const register = (node: Api, service: object) => request(node, "POST", "/service", [service]);
const shown = async (node: Api, name: string) =>
  (await request<ShownService>(node, "GET", `/service?name=${name}`)).body;
/** Only a leader knows, so nobody does while one is found. */
async function checks(node: Api, name: string): Promise<ServiceChecks> {
  let data: ServiceChecks | null = null;
  await until(async () => {
    ({ data } = (await request<ServiceChecks | null>(node, "GET", `/service/checks?name=${name}`)).body);
    return data !== null;
  }, "an answer of the leader");
  return data!;
}
const stateOf = (node: TestNode, name: string): string =>
  node.state
    .service(name)
    ?.node.map(({ checked, status }) => (checked ? status : "?"))
    .join() ?? "none";
const everywhere = (name: string, wanted: string): Promise<void> =>
  until(() => [...cluster.nodes.values()].every((node) => stateOf(node, name) === wanted), `${wanted} of ${name}`);

/** Every status that a node applies of a service from now on. */
function statusesOf({ state }: TestNode, name: string): string[] {
  const seen: string[] = [];
  state.onChange((event: ChangeEvent) => {
    if (event.type === "service" && event.name === name)
      seen.push(event.service?.node.map(({ status }) => status).join() ?? "none");
  });
  return seen;
}

async function lead(node: TestNode): Promise<void> {
  const nodes = [...cluster.nodes.values()];
  if (cluster.leader !== node) await request(node, "POST", "/cluster/transfer", { to: node.id });
  await until(() => nodes.every((one) => one.node.status?.leader === node.id), "another leader");
}

describe("three observers", () => {
  /** A script that two of three may run: on the third every check fails, as behind a network that is broken. */
  const checksOf =
    (broken: number) =>
    (number: number): NodeOptions["checks"] => ({
      observers: 3,
      dampingMs: 0,
      custom: number === broken ? "off" : ["/usr/bin/printf"],
    });
  const scripts = {
    name: "scripts",
    type: "custom",
    node: [{ id: "a", script: "/usr/bin/printf 1", interval: 100, timeout: 10_000 }],
  };

  it("of which one cannot reach an instance leave it in use, also while that one leads", async () => {
    const nodes = await cluster.found(3, checksOf(3));
    await register(nodes[0]!, scripts);
    await everywhere("scripts", "1");
    for (const leader of [nodes[2]!, nodes[0]!, nodes[2]!]) {
      await lead(leader);
      const { modifyIndex } = leader.state.service("scripts")!;
      const found = async (): Promise<InstanceChecks["observers"]> =>
        (await checks(nodes[1]!, "scripts")).instances[0]!.observers;
      const stateOfAll = async (): Promise<string> => {
        const states = new Map((await found()).map(({ node, state }) => [node, state]));
        return nodes.map(({ id }) => states.get(id)).join();
      };
      await until(async () => (await stateOfAll()) === "passing,passing,critical", "three observers are heard");
      // What it finds itself the leader knows at once.
      const own = async (): Promise<number> => (await found()).find(({ node }) => node === leader.id)?.checks ?? 0;
      const begun = await own();
      // On a slow machine another one may lead all of a sudden.
      await until(async () => cluster.leader !== leader || (await own()) > begun + 3, "further checks");
      expect(leader.state.service("scripts")).toMatchObject({ modifyIndex, node: [{ status: 1 }] });
    }
  });

  it("take an instance out when two of them cannot reach it, and say so", async () => {
    const nodes = await cluster.found(3, (number) => ({
      observers: 3,
      dampingMs: 0,
      custom: number === 1 ? ["/usr/bin/printf"] : "off",
    }));
    await register(nodes[0]!, scripts);
    await everywhere("scripts", "0");
    await until(() => lines.messages.includes("instance changed"), "a line");
    const changed = lines.all.find(([, message]) => message === "instance changed")!;
    expect(changed[2]).toMatchObject({ service: "scripts", instance: "a", status: 0 });
    expect(changed[2]["output"]).toMatch(/\(critical for 2 of 3\)$/);
  });

  it("go on with two of them, and with one alone decide nothing", async () => {
    const nodes = await cluster.found(3, () => ({ observers: 3, dampingMs: 0 }));
    const backend = await Backend.open();
    await register(nodes[0]!, { name: "web", type: "tcp", node: [entry(backend.port)] });
    await everywhere("web", "1");
    await nodes.find((node) => node !== cluster.leader)!.kill();
    await backend.close();
    await everywhere("web", "0");
  });
});

describe("a change of leader", () => {
  it("while an instance flaps publishes nothing that was not found", async () => {
    const nodes = await cluster.found(3, () => ({ dampingMs: 0 }));
    const backend = await Backend.open();
    await register(nodes[0]!, { name: "web", type: "tcp", node: [entry(backend.port, { fall: 100 })] });
    await everywhere("web", "1");
    const seen = nodes.map((node) => statusesOf(node, "web"));
    const output = async (): Promise<string | undefined> =>
      (await checks(nodes[0]!, "web")).instances[0]!.observers[0]?.output;
    for (const leader of [nodes[1]!, nodes[2]!]) {
      await backend.close();
      await until(async () => (await output())?.includes("ECONNREFUSED") === true, "a check fails");
      await lead(leader);
      await until(async () => (await output())?.includes("ECONNREFUSED") === true, "a check of the next leader fails");
      await backend.open();
      await until(async () => (await output())?.includes("ECONNREFUSED") === false, "a check succeeds");
    }
    expect(seen).toEqual([[], [], []]);
  });

  it("and a restart of everybody leave every status as it is, and write none", async () => {
    const nodes = await cluster.found(3, () => ({ dampingMs: 0 }));
    const backend = await Backend.open();
    await register(nodes[0]!, { name: "web", type: "tcp", node: [entry(backend.port), entry(1)] });
    await everywhere("web", "1,0");
    const { modifyIndex } = nodes[0]!.state.service("web")!;
    for (const node of nodes) await node.kill();
    const again = await Promise.all(
      [1, 2, 3].map((number) => cluster.start(number, { minNode: 3, peers: [1, 2, 3], checks: { dampingMs: 0 } })),
    );
    await until(() => again.every(({ node }) => node.notReady === undefined));
    await until(async () =>
      (await checks(again[0]!, "web")).instances.every(({ observers }) => (observers[0]?.checks ?? 0) > 3),
    );
    expect(again.map(({ state }) => state.service("web")!.modifyIndex)).toEqual([
      modifyIndex,
      modifyIndex,
      modifyIndex,
    ]);
  });
});

describe("damping", () => {
  it("publishes no second change within the window, and the end state behind it", async () => {
    const [node] = await cluster.found(1, () => ({ dampingMs: 1_000 }));
    const backend = await Backend.open();
    await register(node!, { name: "web", type: "tcp", node: [entry(backend.port, { fall: 1 })] });
    await everywhere("web", "1");
    const times: number[] = [node!.state.service("web")!.node[0]!.sinceMs];
    node!.state.onChange((event) => {
      const sinceMs = event.type === "service" ? event.service?.node[0]?.sinceMs : undefined;
      if (sinceMs !== undefined && sinceMs !== times.at(-1)) times.push(sinceMs);
    });
    const verdict = async (): Promise<string | undefined> =>
      (await checks(node!, "web")).instances[0]!.observers[0]?.state;
    for (let nth = 0; nth < 3; nth++) {
      await backend.close();
      await until(async () => (await verdict()) === "critical");
      await backend.open();
      await until(async () => (await verdict()) === "passing");
    }
    await backend.close();
    await everywhere("web", "0");
    expect(times.length).toBeGreaterThan(1);
    // Log time is in whole milliseconds.
    for (let nth = 1; nth < times.length; nth++) expect(times[nth]! - times[nth - 1]!).toBeGreaterThanOrEqual(999);
  });
});

describe("mass-failure protection", () => {
  const ids = async (node: Api): Promise<string[]> => {
    const { body } = await request<ShownInstance[]>(node, "GET", "/balance?name=web&count=100");
    return (body.data ?? []).map(({ port }) => String(port)).sort();
  };

  it("goes on serving all of four of which three are gone at once, says so, and ends by itself when they are back", async () => {
    const nodes = await cluster.found(3, () => ({ dampingMs: 0 }));
    const client = await cluster.startClient(9, { peers: [2] });
    await until(() => client.node.notReady === undefined);
    const backends = await Backend.some(4);
    const ports = backends.map(({ port }) => String(port)).sort();
    await register(nodes[0]!, { name: "web", type: "tcp", node: backends.map(({ port }) => entry(port)) });
    await everywhere("web", "1,1,1,1");
    expect(await shown(nodes[1]!, "web")).not.toHaveProperty("protected");

    await Promise.all(backends.slice(1).map((backend) => backend.close()));
    await everywhere("web", "1,0,0,0");
    for (const node of [...nodes, client]) {
      await until(async () => (await shown(node, "web")).protected === true, "a reply says protected");
      const { data } = await shown(node, "web");
      expect(data.protection!.kept.toSorted()).toEqual(
        backends
          .slice(1)
          .map(({ port }) => `p${port}`)
          .toSorted(),
      );
      expect(data.node.map(({ state, status }) => [state, status])).toEqual([
        ["passing", 1],
        ["critical", 1],
        ["critical", 1],
        ["critical", 1],
      ]);
      expect(await ids(node)).toEqual(ports);
      for (const path of ["/balance?name=web", "/balance?name=web&explain=1", "/service", "/service/checks?name=web"]) {
        expect((await request(node, "GET", path)).body).toMatchObject({ protected: true });
      }
      const { body } = await request<BalanceExplanation>(node, "GET", "/balance?name=web&explain=1");
      const used = body.data.candidates.filter(({ says }) =>
        says.endsWith("; critical, used on as its service is protected"),
      );
      expect(used).toHaveLength(3);
    }
    expect(lines.messages.filter((message) => message === "service protected")).toHaveLength(1);

    await Promise.all(backends.slice(1).map((backend) => backend.open()));
    await everywhere("web", "1,1,1,1");
    for (const node of [...nodes, client]) {
      await until(async () => (await shown(node, "web")).protected === undefined, "a reply says protected no more");
      expect(await ids(node)).toEqual(ports);
    }
    expect(lines.messages.filter((message) => message === "service protection ended")).toHaveLength(1);
  });

  it("leaves those who were used all along their whole weight when they recover, at every node, asked before or not", async () => {
    const nodes = await cluster.found(3, () => ({ dampingMs: 0 }));
    const client = await cluster.startClient(9, { peers: [2] });
    await until(() => client.node.notReady === undefined);
    const backends = await Backend.some(3);
    const settings = { type: "tcp", slowstart: 3_600_000, protect: { percent: 1 } };
    await register(nodes[0]!, { name: "web", ...settings, node: backends.map(({ port }) => entry(port)) });
    await everywhere("web", "1,1,1");
    await Promise.all(backends.slice(1).map((backend) => backend.close()));
    for (const node of [...nodes, client]) {
      await until(async () => (await shown(node, "web")).data.protection?.kept.length === 2);
    }
    await Promise.all(backends.slice(1).map((backend) => backend.open()));
    await everywhere("web", "1,1,1");
    for (const node of [...nodes, client]) {
      await until(async () => (await shown(node, "web")).protected === undefined);
      const { body } = await request<BalanceExplanation>(
        node,
        "GET",
        "/balance?name=web&explain=1&policy=first&count=1",
      );
      expect(body.data.candidates.map(({ says }) => says.includes("slow start"))).toEqual([true, false, false]);
    }
  });

  it("ends by its limit while one is passing, and the list then holds that one", async () => {
    const [node] = await cluster.found(1, () => ({ dampingMs: 0 }));
    const backends = await Backend.some(3);
    const web = { name: "web", type: "tcp", protect: { limit: 1_000 }, node: backends.map(({ port }) => entry(port)) };
    await register(node!, web);
    await everywhere("web", "1,1,1");
    await Promise.all(backends.slice(1).map((backend) => backend.close()));
    await until(async () => (await shown(node!, "web")).protected === true);
    await until(async () => (await shown(node!, "web")).protected === undefined);
    expect(await ids(node!)).toEqual([String(backends[0]!.port)]);
  });

  it("is off for a service that says so, whose empty list is an error and not a reply", async () => {
    const [node] = await cluster.found(1, () => ({ dampingMs: 0 }));
    const backends = await Backend.some(3);
    await register(node!, { name: "web", type: "tcp", protect: "off", node: backends.map(({ port }) => entry(port)) });
    await everywhere("web", "1,1,1");
    await Promise.all(backends.map((backend) => backend.close()));
    await everywhere("web", "0,0,0");
    const reply = await request(node!, "GET", "/balance?name=web&count=10");
    expect([reply.status, reply.body.code]).toEqual([503, "DISTER_ERR_NO_HEALTHY_NODE"]);
  });
});

describe("draining", () => {
  interface Drained {
    readonly watchers: { readonly told: number; readonly waiting: string[] };
  }
  const drain = (node: Api, id: string, wait: number) =>
    request<Drained>(node, "POST", `/service/mode?wait=${wait}`, [{ name: "web", id, mode: "draining" }]);

  async function served() {
    const nodes = await cluster.found(3);
    const client = await cluster.startClient(9, { peers: [2] });
    const backends = await Backend.some(2);
    await register(nodes[0]!, { name: "web", type: "tcp", node: backends.map(({ port }) => entry(port)) });
    await everywhere("web", "1,1");
    await until(
      async () =>
        client.node.notReady === undefined &&
        (await shown(client, "web")).data.node.every(({ status }) => status === 1),
    );
    return { nodes, client, ids: backends.map(({ port }) => `p${port}`) };
  }

  it("returns when every member and every client node that follows was sent it: none gives the instance any more", async () => {
    const { nodes, client, ids } = await served();
    for (const [at, through] of [nodes[1]!, client].entries()) {
      const { status, body } = await drain(through, ids[at]!, 5_000);
      expect([status, body.data.watchers]).toEqual([200, { told: 4, waiting: [] }]);
      for (const node of [...nodes, client]) {
        expect((await shown(node, "web")).data.node[at]).toMatchObject({ state: "draining", status: 0 });
      }
    }
    expect((await request(client, "GET", "/balance?name=web")).status).toBe(503);
  });

  it("names a client node that hangs when the wait is over, and is done all the same", async () => {
    const { nodes, client, ids } = await served();
    for (const { id } of nodes) cluster.network.cut(client.id, id);
    const { status, body } = await drain(nodes[0]!, ids[0]!, 300);
    expect([status, body.data.watchers]).toEqual([200, { told: 3, waiting: ["client9"] }]);
    for (const node of nodes) expect((await shown(node, "web")).data.node[0]).toMatchObject({ state: "draining" });
  });

  it("names a member that is gone, and waits for nobody without being asked to", async () => {
    const { nodes, ids } = await served();
    const gone = nodes.find((node) => node !== cluster.leader)!;
    const asked = nodes.find((node) => node !== gone)!;
    await gone.kill();
    const { body } = await drain(asked, ids[0]!, 500);
    expect(body.data.watchers.waiting).toEqual([`node${gone.number}`]);
    const reply = await request<object>(asked, "POST", "/service/mode", [{ name: "web", id: ids[0], mode: "active" }]);
    expect(reply.body.data).not.toHaveProperty("watchers");
  });
});
