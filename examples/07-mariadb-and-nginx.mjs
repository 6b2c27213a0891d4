// Half an hour with services, in less than a minute: a real MariaDB and two real nginx are registered, stopped, killed,
// drained and brought back, and three nodes say what they see. Every step is a command or an HTTP call that you can type.
// needs: mariadbd, mariadb-install-db, mariadb-admin, mariadb, nginx
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { missingPrograms } from "./needs.mjs";
import { Cluster } from "./processes.mjs";
import { RealServers } from "./real-servers.mjs";
import { until } from "./until.mjs";

const missing = missingPrograms(new URL(import.meta.url));
if (missing.length > 0) {
  console.error(`this example needs ${missing.join(", ")}; on Debian: apt-get install mariadb-server nginx-light`);
  process.exit(1);
}

const check = { interval: 500, fall: 2, timeout: 500 };
const BOUND_MS = check.interval * check.fall + check.timeout;
// Room for a machine that has other work, where processes wait for a CPU; it says nothing about how quick dister is.
const MARGIN_MS = 3_000;
/** A node publishes at most one change of an instance in this time: `Checks.dampingMs`. */
const DAMPING_MS = 5_000;

const pass = randomBytes(12).toString("hex");
const cluster = new Cluster();
const servers = new RealServers();

const NODES = ["a", "b", "c"];
const service = async (node, name) => JSON.parse((await cluster.get(node, `/service?name=${name}`)).body).data;
const states = async (node, name) =>
  (await service(node, name)).node.map(({ id, state }) => `${id} ${state}`).join(", ");

/** Why who was chosen, or left out; `dister` ends with 1 when nobody is left, and explains that too. */
async function explained(name) {
  const { output } = await cluster.type("c", "--json", "balance", name, "--explain");
  return JSON.parse(output)
    .data.candidates.map(({ id, says }) => `${id} ${says}`)
    .join(", ");
}

/** Waits until every node knows the instances of a service in these states. */
async function become(name, wanted) {
  for (const node of NODES) await until(`${name}: ${wanted}`, async () => (await states(node, name)) === wanted);
  return wanted;
}

/** Waits until every instance of a service has been as it is for so long that its next change is published at once. */
const settled = (name) =>
  until(`${name} has not changed for a while`, async () =>
    (await service("b", name)).node.every(({ since }) => Date.now() - Date.parse(since) > DAMPING_MS),
  );

/** Writes a definition into a file for `dister service add`; a file with a password is for its owner alone. */
function fileOf(name, text) {
  const file = cluster.path(`${name}.json`);
  writeFileSync(file, text, { mode: 0o600 });
  return file;
}

try {
  for (const name of NODES) await cluster.add(name, { knows: name === "a" ? [] : ["a"] });
  for (const name of NODES) cluster.start(name);
  for (const name of ["web-1", "web-2"]) await servers.addNginx(name);
  await servers.addMariaDb("db-1", { user: "check", pass });
  await cluster.settled("a", NODES);

  const db = { id: "db-1", host: "127.0.0.1", port: servers.port("db-1"), user: "check", pass, ...check };
  const web = (id, priority, tags) => ({
    id,
    priority,
    tags,
    url: `http://127.0.0.1:${servers.port(id)}/ready`,
    expect: "200-299",
    contains: "open",
    ...check,
  });
  const both = [web("web-1", 100, ["shop", "big"]), web("web-2", 50, ["shop", "small"])];
  const definitions = [
    { name: "shop-db", type: "mysql", node: [db] },
    { name: "shop-web", type: "web", node: both },
  ];
  await cluster.dister("a", "service", "add", fileOf("shop", JSON.stringify(definitions)));
  console.log("registered at one node and found alive, as every node knows:", await become("shop-db", "db-1 passing"));
  console.log("and both of:", await become("shop-web", "web-1 passing, web-2 passing"));
  const weights = (await cluster.dister("b", "balance", "shop-web", "--explain")).data.candidates;
  console.log(
    "they are chosen by weight:",
    weights.map(({ id, effectiveWeight }) => `${id} ${effectiveWeight}`).join(", "),
  );

  await settled("shop-db");
  await servers.stop("db-1");
  const stoppedMs = performance.now();
  console.log("MariaDB stops:", await become("shop-db", "db-1 critical"));
  console.log("within fall intervals and a timeout:", performance.now() - stoppedMs <= BOUND_MS + MARGIN_MS);
  const refused = await cluster.get("c", "/balance?name=shop-db");
  console.log("GET /balance:", refused.status, JSON.parse(refused.body).message);
  console.log("dister balance --explain:", await explained("shop-db"));
  const lastOutput = async () =>
    (await cluster.dister("a", "service", "checks", "shop-db")).data.instances[0].observers[0]?.output;
  await until("a refused connection", async () => (await lastOutput()) === "connect ECONNREFUSED");
  console.log("dister service checks:", await lastOutput());

  const shown = (await cluster.type("a", "service", "get", "shop-db")).output;
  await cluster.dister("b", "service", "add", fileOf("shop-db", shown));
  const isSame = (await cluster.type("b", "service", "get", "shop-db")).output === shown;
  console.log(
    "its definition has stars for the password, and is the same when written back:",
    shown.includes('"******"') && isSame,
  );
  const elsewhere = fileOf("elsewhere", shown.replace(`"${servers.port("db-1")}"`, `"${servers.port("web-1")}"`));
  const sent = await cluster.type("b", "service", "add", elsewhere);
  console.log("the stars stand for nothing at another port:", sent.code, sent.output);
  await servers.start("db-1");
  console.log("MariaDB runs again and takes the stored password:", await become("shop-db", "db-1 passing"));

  await servers.stop("web-1", "SIGKILL");
  console.log("an nginx is killed:", await become("shop-web", "web-1 critical, web-2 passing"));
  const given = new Set();
  for (let i = 0; i < 20; i++) given.add(JSON.parse((await cluster.get("c", "/balance?name=shop-web")).body).data.id);
  console.log("twenty get:", [...given].join(", "));
  console.log("the other is drained:", (await cluster.type("a", "service", "drain", "shop-web", "web-2")).output);
  console.log("nobody is left:", (await cluster.type("b", "balance", "shop-web")).output);
  console.log("because:", await explained("shop-web"));
  await cluster.dister("a", "service", "drain", "shop-web", "web-2", "--off");
  console.log("and back in use:", (await cluster.dister("b", "balance", "shop-web")).data.id);

  for (const name of NODES) {
    for (const path of ["/service", "/service?format=prometheus-sd", "/metrics"]) await cluster.get(name, path);
  }
  const logs = NODES.map((name) => cluster.log(name)).join("");
  console.log("the logs tell of the database:", logs.includes("shop-db"), "and of its password:", logs.includes(pass));
  console.log("in all that was answered the password stands:", cluster.heard().includes(pass));
  console.log("all nodes end as they are asked to:", [...new Set(await cluster.end())]);
} finally {
  await Promise.all([cluster.end(), servers.end()]);
}
// prints: registered at one node and found alive, as every node knows: db-1 passing
// prints: and both of: web-1 passing, web-2 passing
// prints: they are chosen by weight: web-1 100, web-2 50
// prints: MariaDB stops: db-1 critical
// prints: within fall intervals and a timeout: true
// prints: GET /balance: 503 no nodes of this service are alive
// prints: dister balance --explain: db-1 left out, critical
// prints: dister service checks: connect ECONNREFUSED
// prints: its definition has stars for the password, and is the same when written back: true
// prints: the stars stand for nothing at another port: 1 ERROR: service shop-db, instance db-1, pass: got ******, allowed is the value itself: ****** stands for one that is stored for this id with the same address and user
// prints: MariaDB runs again and takes the stored password: db-1 passing
// prints: an nginx is killed: web-1 critical, web-2 passing
// prints: twenty get: web-2
// prints: the other is drained: ok, web-2 of shop-web is draining; 3 nodes know it, nobody is missing
// prints: nobody is left: ERROR: no nodes of this service are alive
// prints: because: web-1 left out, critical, web-2 left out, draining
// prints: and back in use: web-2
// prints: the logs tell of the database: true and of its password: false
// prints: in all that was answered the password stands: false
// prints: all nodes end as they are asked to: [ 0 ]
