// The durable log alone: append, close, open again.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NodeFileSystem, openLog } from "@dister/log";
import { NO_LOGGER } from "@dister/types";

const directory = mkdtempSync(join(tmpdir(), "dister-example-"));
const identity = { group: "example", nodeId: "00000000000000A1", clusterId: "" };
const open = () =>
  openLog({ components: { fileSystem: new NodeFileSystem(), logger: NO_LOGGER }, options: { directory, identity } });

let log = await open();
const payload = new TextEncoder().encode("survives power loss");
await log.append({ entries: [{ index: 1, term: 1, r: 4711, kind: 0, payload }] });
await log.close();

log = await open();
const [entry] = log.read(1, log.lastIndex(), 1_000);
console.log(new TextDecoder().decode(entry.payload));
await log.close();
rmSync(directory, { recursive: true });
// prints: survives power loss
