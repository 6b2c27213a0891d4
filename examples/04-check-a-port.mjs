// A probe, and the logic that one lost packet does not take a node out, without any cluster.
import { createServer } from "node:net";
import { RiseFall, tcpProbe } from "@dister/health";

const server = createServer((socket) => socket.end()).listen(0, "127.0.0.1");
await new Promise((resolve) => server.once("listening", resolve));
const { port } = server.address();

const decide = new RiseFall({ rise: 1, fall: 2, initial: 0 });
const check = async () => {
  const { ok, output } = await tcpProbe({ host: "127.0.0.1", port, timeoutMs: 1_000 });
  const changed = decide.observe(ok);
  console.log(ok ? "answers" : output, "->", changed === undefined ? "no change" : `status ${changed}`);
};

await check();
await new Promise((resolve) => server.close(resolve));
await check();
await check();
// prints: answers -> status 1
// prints: connect ECONNREFUSED -> no change
// prints: connect ECONNREFUSED -> status 0
