#!/usr/bin/env node
const [major, minor] = process.versions.node.split(".").map(Number);
if (!((major === 22 && minor >= 19) || (major === 24 && minor >= 11) || major >= 26)) {
  console.error(`dister needs Node.js 22.19, 24.11 or 26 and newer; this is ${process.version}.`);
  process.exit(2);
}
await import("../dist/main.js");
