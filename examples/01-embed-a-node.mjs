// A node inside your own program: no other process, the data in a folder.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@dister/client";
import { createNode } from "@dister/daemon";
import { freePorts } from "./free-ports.mjs";

const SavePath = mkdtempSync(join(tmpdir(), "dister-example-"));
const [raft, repl, api] = await freePorts(3);
const config = { SavePath, MinNode: 1, Ip: "127.0.0.1", Listen: "127.0.0.1", Ports: { raft, repl, api } };

let node = await createNode({ config });
await createClient({ urls: node.url }).kv.set("greeting", "hello");
await node.stop();

node = await createNode({ config }); // The same folder: the same node, the same data.
console.log(await createClient({ urls: node.url }).kv.get("greeting"));
await node.stop();
rmSync(SavePath, { recursive: true });
// prints: hello
