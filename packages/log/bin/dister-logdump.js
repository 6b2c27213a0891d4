#!/usr/bin/env node
await import("../dist/logdump.js");
