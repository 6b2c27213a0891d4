// A service is registered, one of its backends dies and comes back: the registry and the balancer notice.
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@dister/client";
import { createNode } from "@dister/daemon";
import { freePorts } from "./free-ports.mjs";

const SavePath = mkdtempSync(join(tmpdir(), "dister-example-"));
const [raft, repl, api, first, second] = await freePorts(5);
const config = { SavePath, MinNode: 1, Ip: "127.0.0.1", Listen: "127.0.0.1", Ports: { raft, repl, api } };
const node = await createNode({ config });
const client = createClient({ urls: node.url });

const listen = (port) => createServer((socket) => socket.end()).listen(port, "127.0.0.1");
const backends = [listen(first), listen(second)];
const backend = (port) => ({ host: "127.0.0.1", port: String(port), interval: "100", priority: "100" });
await client.services.register([{ name: "cache", type: "tcp", node: [backend(first), backend(second)] }]);

/** Waits until the statuses of the two backends are these. */
async function statuses(...wanted) {
  for (;;) {
    const service = await client.services.get("cache");
    if (service.node.every(({ status }, i) => status === wanted[i])) return wanted.join(" ");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

console.log("both alive:", await statuses(1, 1));
backends[0].close();
console.log("one dead:", await statuses(0, 1));
const chosen = await client.balance("cache");
console.log("balanced to the other:", chosen.port === String(second));
backends[0] = listen(first);
console.log("back again:", await statuses(1, 1));

for (const server of backends) server.close();
await node.stop();
rmSync(SavePath, { recursive: true });
// prints: both alive: 1 1
// prints: one dead: 0 1
// prints: balanced to the other: true
// prints: back again: 1 1
