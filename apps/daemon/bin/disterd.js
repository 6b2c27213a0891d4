#!/usr/bin/env node
// Checked before anything is loaded: the database crashes an older Node.js instead of saying why.
const [major, minor] = process.versions.node.split(".").map(Number);
if (!((major === 22 && minor >= 19) || (major === 24 && minor >= 11) || major >= 26)) {
  console.error(`disterd needs Node.js 22.19, 24.11 or 26 and newer; this is ${process.version}.`);
  process.exit(78);
}
await import("../dist/main.js");
