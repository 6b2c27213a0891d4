import type { ShownNode } from "@dister/client";
import type { ShownInstance, ShownService } from "@dister/types";
import { describe, expect, test, vi } from "vitest";
import { allOf, rowsOf, textOf } from "../../test/fake-page.ts";
import type { ClusterView, RaftView, ShownKeys, Snapshot } from "../model.ts";
import { clusterView } from "./cluster.ts";
import { connectionOf } from "./connection.ts";
import { keysView } from "./keys.ts";
import { nodesView } from "./nodes.ts";
import { INSTANCES_SHOWN_MAX, servicesView } from "./services.ts";
import { table } from "./table.ts";
import type { Tree } from "./tree.ts";

const failed = { ok: false, message: "no leader" } as const;
const have = <T>(data: T): { ok: true; data: T } => ({ ok: true, data });

describe("a table", () => {
  const made = table("Fruits", [{ title: "Name" }, { title: "Colour" }], [["apple", "red"]]);

  test("has a caption and header cells for columns and rows", () => {
    expect(allOf(made, "caption").map(textOf)).toEqual(["Fruits"]);
    expect(allOf(made, "th").map((cell) => [textOf(cell), cell.attributes.scope])).toEqual([
      ["Name", "col"],
      ["Colour", "col"],
      ["apple", "row"],
    ]);
  });

  test("says its roles outright and names every cell, for when it is laid out as cards", () => {
    const [cell] = allOf(made, "td");
    expect(cell?.attributes).toMatchObject({ role: "cell", "data-label": "Colour" });
    expect(made.attributes.role).toBe("table");
    expect(allOf(made, "tr").map((row) => row.attributes.role)).toEqual(["row", "row"]);
  });
});

const RAFT: RaftView = {
  role: "follower",
  term: 7,
  leader: { id: "00000000000000AA", name: "alpha" },
  reason: "silence of the leader",
  roleForMs: 61_000,
  commitIndex: 12,
  appliedIndex: 11,
};
const CLUSTER: ClusterView = {
  nodeId: "00000000000000BB",
  nodeName: "beta",
  group: "g",
  version: "1.2.3",
  clusterId: "00000000000000CC",
  waitingFor: null,
  raft: RAFT,
  members: 3,
  membersUp: 2,
  keys: 4,
  services: 1,
  appliedLogId: 110_001,
};

/** The facts by their titles. */
function factsOf(tree: Tree): Record<string, string> {
  return Object.fromEntries(allOf(tree, "div").map((fact) => fact.children.map(textOf)));
}

describe("the state of the cluster", () => {
  const since = new Date(2026, 10, 22, 9, 0, 0).getTime();

  test("says who leads, the term, since when and why", () => {
    const facts = factsOf(clusterView(have(CLUSTER), since));
    expect(facts["Leader"]).toBe("alpha00000000000000AA");
    expect(facts["Term"]).toBe("7");
    expect(facts["This node"]).toBe("betafollower since 2026-11-22 09:00:00 (1 min)because: silence of the leader");
    expect(facts["Members connected"]).toBe("2 of 3");
    expect(facts["Committed, applied"]).toBe("12, 11");
  });

  test("says when this very node leads", () => {
    const leader = { id: CLUSTER.nodeId, name: "beta" };
    const facts = factsOf(clusterView(have({ ...CLUSTER, raft: { ...RAFT, leader } }), since));
    expect(facts["Leader"]).toBe("beta (this node)00000000000000BB");
  });

  test("says that there is no leader", () => {
    const facts = factsOf(clusterView(have({ ...CLUSTER, raft: { ...RAFT, leader: null } }), since));
    expect(facts["Leader"]).toBe("none known to this node");
  });

  test("says what a node without a cluster waits for", () => {
    const alone = { ...CLUSTER, raft: null, clusterId: null, waitingFor: "1 of 3 servers found" };
    const facts = factsOf(clusterView(have(alone), since));
    expect(facts["Leader"]).toBe("no cluster yet: 1 of 3 servers found");
    expect(facts["Cluster"]).toBe("none yet");
  });

  test("says why it could not be read", () => {
    expect(textOf(clusterView(failed, since))).toBe("The state could not be read: no leader");
  });
});

const NODE: ShownNode = {
  name: "alpha",
  group: "g",
  id: "00000000000000AA",
  ip: "127.0.0.1",
  status: 1,
  role: 0,
  raft: 2,
  logid: 120_003,
  serviceid: 0,
  version: "1.2.3",
  ports: { raft: 1, repl: 2, api: 3 },
  cluster: "00000000000000CC",
  stateVersion: 1,
  boot: "00000000000000B0",
  lag: 0,
  silentMs: 0,
  mark: null,
  voter: true,
};

describe("the nodes", () => {
  test("are shown by name, each with role, vote, raft role, status, log id and version", () => {
    const monitor: ShownNode = { ...NODE, name: "Monitor", id: "02", role: 2, raft: 0, voter: false };
    const nodes = [NODE, monitor];
    expect(rowsOf(nodesView(have(nodes)))).toEqual([
      ["Monitor", "02", "monitor", "no", "follower", "alive", "120003", "1.2.3"],
      ["alpha", "00000000000000AA", "server", "yes", "leader", "alive", "120003", "1.2.3"],
    ]);
  });

  test("that do not answer are shown without what nobody knows of them", () => {
    const heard: ShownNode = { ...NODE, status: 0 };
    const unheard: ShownNode = { ...NODE, name: "beta", status: 0, logid: 0, version: "" };
    expect(rowsOf(nodesView(have([heard, unheard]))).map((row) => row.slice(4))).toEqual([
      ["–", "dead", "120003", "1.2.3"],
      ["–", "dead", "–", "–"],
    ]);
  });

  test("say why they could not be read", () => {
    expect(textOf(nodesView(failed))).toBe("The nodes could not be read: no leader");
  });
});

const INSTANCE: ShownInstance = {
  id: "db-1",
  host: "10.0.0.1",
  port: "5432",
  priority: "100",
  interval: "2000",
  timeout: "2000",
  rise: "1",
  fall: "2",
  status: 1,
  state: "passing",
};

describe("the services", () => {
  test("are shown with the id, address and state of every instance", () => {
    const services: ShownService[] = [
      {
        ...{ name: "db", type: "tcp", protection: { since: "2026-11-22T10:00:00.000Z", kept: ["db-3"] } },
        node: [
          INSTANCE,
          { ...INSTANCE, id: "db-2\u202e", host: "::1", status: 0, state: "critical" },
          { ...INSTANCE, id: "db-3", state: "critical" },
          { ...INSTANCE, id: "db-4", status: 0, state: "draining" },
        ],
      },
      { name: "web", type: "web", node: [{ ...INSTANCE, id: "w", url: "http://w/health" }] },
    ];
    const made = servicesView(have(services));
    expect(rowsOf(made)).toEqual([
      ["db", "tcp", "db-1", "10.0.0.1:5432", "100", "2000 ms", "passing"],
      ["db", "tcp", "db-2U+202E", "[::1]:5432", "100", "2000 ms", "critical"],
      ["db", "tcp", "db-3", "10.0.0.1:5432", "100", "2000 ms", "critical, used"],
      ["db", "tcp", "db-4", "10.0.0.1:5432", "100", "2000 ms", "draining"],
      ["web", "web", "w", "http://w/health", "100", "2000 ms", "passing"],
    ]);
    expect(allOf(made, "caption").map(textOf)).toEqual(["2 services, 3 of 5 instances in use"]);
    expect(textOf(made)).toContain("Protected against a mass failure: db.");
  });

  test("never show users or passwords", () => {
    const secret = { ...INSTANCE, user: "the-user", pass: "the-pass", database: "the-database" };
    expect(textOf(servicesView(have([{ name: "db", type: "tcp", node: [secret] }])))).not.toContain("the-");
  });

  test("are cut when there are too many instances, and say so", () => {
    const node = Array.from({ length: INSTANCES_SHOWN_MAX + 1 }, () => INSTANCE);
    const made = servicesView(have([{ name: "db", type: "tcp", node }]));
    expect(rowsOf(made)).toHaveLength(INSTANCES_SHOWN_MAX);
    expect(textOf(made)).toContain("1 instance more not shown.");
  });

  test("say that there are none, and why they could not be read", () => {
    expect(textOf(servicesView(have([])))).toBe("No service is registered.");
    expect(textOf(servicesView(failed))).toBe("The services could not be read: no leader");
  });
});

describe("the keys", () => {
  const page = (items: ShownKeys["items"], query: Partial<ShownKeys["query"]> = {}): ShownKeys => ({
    items,
    next: null,
    query: { prefix: "", after: "", limit: 25, ...query },
  });
  const actions = () => ({ edit: vi.fn<(pair: object) => void>(), remove: vi.fn<(key: string) => void>() });

  test("are shown with their values", () => {
    const made = keysView(have(page([{ key: "__proto__", value: "v" }])), actions());
    expect(rowsOf(made)).toEqual([["__proto__", "v", "EditDelete"]]);
  });

  test("can be edited and deleted as they are, not as they are shown", () => {
    const pair = { key: "a\u202eb", value: "v".repeat(1_000) };
    const done = actions();
    const [edit, remove] = allOf(keysView(have(page([pair])), done), "button");
    edit?.onClick?.();
    expect(done.edit).toHaveBeenCalledWith(pair);
    expect(done.remove).not.toHaveBeenCalled();
    remove?.onClick?.();
    expect(done.remove).toHaveBeenCalledWith("a\u202eb");
  });

  test("have buttons that say which key they are for", () => {
    const buttons = allOf(keysView(have(page([{ key: "k", value: "" }])), actions()), "button");
    expect(buttons.map(({ attributes }) => attributes["aria-label"])).toEqual(["Edit key k", "Delete key k"]);
  });

  test.each([
    [page([]), "There are no keys yet."],
    [page([], { prefix: "x" }), "No key has this prefix."],
    [page([], { prefix: "x", after: "xy" }), "There are no further keys."],
  ])("say why there are none (%#)", (keys, text) => {
    expect(textOf(keysView(have(keys), actions()))).toBe(text);
  });
});

describe("the connection", () => {
  const answered = (ready: boolean, reason: string | null): Snapshot => ({
    answered: true,
    health: { live: true, ready, leader: null, reason },
    cluster: failed,
    nodes: failed,
    services: failed,
    keys: failed,
  });

  test("is waited for at first", () => {
    expect(connectionOf(null, null).level).toBe("wait");
  });

  test("is ready without another word", () => {
    expect(connectionOf(answered(true, null), 0)).toEqual({ level: "good", word: "Ready", detail: "" });
  });

  test("says why the node is not ready", () => {
    const { level, detail } = connectionOf(answered(false, "no leader"), 0);
    expect([level, detail]).toEqual(["warn", "The node is not ready: no leader."]);
  });

  test("says that the node does not answer, and from when the rest of the page is", () => {
    const at = new Date(2026, 10, 22, 9, 0, 0).getTime();
    const { level, detail } = connectionOf({ answered: false, message: "refused" }, at);
    expect(level).toBe("bad");
    expect(detail).toBe("The node does not answer: refused. What is shown here is from 2026-11-22 09:00:00.");
    expect(connectionOf({ answered: false, message: "refused" }, null).detail).toContain("has not answered since");
  });
});
