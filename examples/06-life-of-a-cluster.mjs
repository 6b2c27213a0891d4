// The life of a cluster on loopback, from the first `disterd` to the last: every step is a command that you can type.
import { Cluster } from "./processes.mjs";
import { until } from "./until.mjs";

const cluster = new Cluster();
try {
  // b knows a, c knows b: that is enough.
  await cluster.add("a", {});
  await cluster.add("b", { knows: ["a"] });
  await cluster.add("c", { knows: ["b"] });
  for (const name of ["a", "b", "c"]) cluster.start(name);
  const first = await cluster.settled("a", ["a", "b", "c"]);
  console.log("three servers that know one other each are a cluster:", first !== undefined);
  await cluster.dister("a", "kv", "set", "color", "blue");

  await cluster.add("d", { knows: ["c"] });
  cluster.start("d");
  await cluster.settled("d", ["a", "b", "c", "d"]);
  console.log(
    "a fourth joins and votes when it has everything:",
    (await cluster.dister("d", "kv", "get", "color")).data,
  );

  const leader = await cluster.settled("d", ["a", "b", "c", "d"]);
  const left = ["a", "b", "c", "d"].filter((name) => name !== leader);
  await cluster.dister(left[0], "node", "rm", leader);
  const next = await cluster.settled(left[0], left);
  console.log("the leader is removed, another one leads:", next !== undefined && next !== leader);
  await cluster.stop(leader);

  await cluster.add("monitor", { role: "monitor", knows: [left[0]] });
  await cluster.add("client", { role: "client", knows: left });
  cluster.start("monitor");
  cluster.start("client");
  await cluster.settled("monitor", left, ["monitor"]);
  await cluster.dister("monitor", "kv", "set", "shape", "round");
  console.log(
    "a monitor stores everything and has no vote:",
    (await cluster.dister("monitor", "kv", "get", "shape")).data,
  );
  await until("an answer of the client", () => cluster.dister("client", "kv", "set", "size", "7"));
  const seen = (await cluster.dister("client", "kv", "get", "size")).data;
  console.log(
    "a client stores nothing, asks the servers and is no member:",
    seen,
    !(await cluster.members(left[0])).has("client"),
  );

  const wiped = left.find((name) => name !== next);
  const old = (await cluster.members(next)).get(wiped).id;
  await cluster.stop(wiped, "SIGKILL");
  cluster.wipe(wiped);
  cluster.start(wiped);
  await until(
    "the wiped server as a learner",
    async () => (await cluster.dister(next, "status")).data.members.length === 5,
  );
  await cluster.dister(next, "node", "rm", old);
  await cluster.settled(next, left, ["monitor"]);
  const back = (await cluster.members(next)).get(wiped).id;
  console.log(
    "a server that was wiped comes back under another id, and votes when its old self was removed:",
    back !== old,
  );

  const file = cluster.path("today.backup");
  await cluster.dister("client", "kv", "set", "when", "before the backup");
  await cluster.dister(next, "snapshot", "save", file);
  await cluster.dister(next, "kv", "set", "when", "after it");
  const { data: inspected } = await cluster.dister(null, "snapshot", "inspect", file);
  console.log("a snapshot is saved while the cluster runs:", inspected.keys, "keys");
  await cluster.add("restored", { minNode: 1 });
  await cluster.dister(null, "snapshot", "restore", file, ...cluster.flags("restored"));
  cluster.start("restored");
  await cluster.settled("restored", ["restored"]);
  const when = (await cluster.dister("restored", "kv", "get", "when")).data;
  const clusterOf = async (name) => (await cluster.dister(name, "status")).data.cluster;
  const isNew = (await clusterOf("restored")) !== (await clusterOf(next));
  console.log("it is restored into a cluster of its own:", when, isNew);
  console.log("and all of them end as they are asked to:", [...new Set(await cluster.end())]);
} finally {
  await cluster.end();
}
// prints: three servers that know one other each are a cluster: true
// prints: a fourth joins and votes when it has everything: blue
// prints: the leader is removed, another one leads: true
// prints: a monitor stores everything and has no vote: round
// prints: a client stores nothing, asks the servers and is no member: 7 true
// prints: a server that was wiped comes back under another id, and votes when its old self was removed: true
// prints: a snapshot is saved while the cluster runs: 4 keys
// prints: it is restored into a cluster of its own: before the backup true
// prints: and all of them end as they are asked to: [ 0 ]
