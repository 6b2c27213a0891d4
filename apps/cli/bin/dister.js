#!/usr/bin/env node
// Talking to a node works on an older Node.js as well; `dister up` needs what disterd needs, and disterd says so.
const major = Number.parseInt(process.versions.node, 10);
if (major < 20) {
  console.error(`dister needs Node.js 20 or newer, and 22.19, 24.11 or 26 for nodes; this is ${process.version}.`);
  process.exit(2);
}
await import("../dist/main.js");
