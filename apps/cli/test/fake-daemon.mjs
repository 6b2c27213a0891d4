// Stands in for disterd: takes its flags and answers what `dister up` asks. Whoever finds no living leader leads.
// FAKE=<node>:<behaviour>,... makes a node misbehave.
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { createServer } from "node:net";
import { dirname, join } from "node:path";

const flags = Object.fromEntries(process.argv.slice(2).map((flag) => flag.slice(2).split(/=(.*)/s).slice(0, 2)));
const behaviour = Object.fromEntries((process.env.FAKE ?? "").split(",").map((part) => part.split(":")))[flags.Name];
const id = flags.RaftPort.padStart(16, "0");
const crashed = join(flags.SavePath, "crashed");
const leaderFile = join(dirname(flags.SavePath), "leader");

if (behaviour === "wrong-config") {
  process.stderr.write("disterd: MinNode: got 0, allowed is 1 to 64\n");
  process.exit(78);
}
if (existsSync(crashed)) process.exit(7);

process.on("SIGTERM", () => {
  if (behaviour === "stubborn") return;
  process.stdout.write("stopped\n");
  process.exit(0);
});
process.on("disconnect", () => process.exit(0));

const isAlive = (pid) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

const leader = () => {
  if (existsSync(leaderFile)) {
    const [known, pid] = readFileSync(leaderFile, "utf8").split(" ");
    if (isAlive(Number(pid))) return known;
  }
  writeFileSync(`${leaderFile}.${id}`, `${id} ${process.pid}`);
  renameSync(`${leaderFile}.${id}`, leaderFile);
  return id;
};

const answers = {
  "/health": () => {
    if (behaviour === "never-ready") return { ready: false, leader: null, reason: "waiting for 2 more servers" };
    return { ready: true, leader: leader(), reason: null };
  },
  "/cluster/status": () => {
    if (behaviour === "crashes") {
      writeFileSync(crashed, "");
      setImmediate(() => process.exit(7));
    }
    return { node: { id, name: flags.Name }, flags, cwd: process.cwd() };
  },
};

createServer((socket) => socket.on("error", () => {}).end()).listen(Number(flags.RaftPort), flags.Listen);
createHttpServer((request, response) => {
  const data = answers[request.url]?.();
  const ready = data !== undefined && data.ready !== false;
  response.writeHead(ready ? 200 : 503, { "content-type": "application/json" });
  response.end(JSON.stringify({ result: ready ? 1 : 0, message: ready ? "ok" : "not ready", data }));
}).listen(Number(flags.ApiPort), flags.ApiHost);
