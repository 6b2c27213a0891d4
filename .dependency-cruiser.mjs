// The arrows of ARCHITECTURE.md. Siblings never import siblings; only `server` joins them, only the daemon picks parts.
const MAY = {
  types: [],
  wire: ["types"],
  log: ["types"],
  raft: ["types"],
  store: ["types"],
  balance: ["types"],
  health: ["types"],
  client: ["types"],
  server: ["types", "raft", "store", "balance", "health"],
};
const APPS = {
  daemon: ["types", "wire", "log", "store", "server", "console"],
  cli: ["types", "client"],
  console: ["types", "client"],
};
const folder = (names) => names.map((name) => (name in APPS ? `^apps/${name}/` : `^packages/${name}/`));
const rule = (name, from, allowed) => ({
  name,
  severity: "error",
  comment: `${name} imports only ${allowed.join(", ") || "nothing of ours"}`,
  from: { path: from, pathNot: "\\.test\\.ts$|/test/|/bench/" },
  to: { path: "^(packages|apps|tools)/", pathNot: [from, ...folder(allowed)] },
});

export default {
  forbidden: [
    { name: "no-circle", severity: "error", from: {}, to: { circular: true, dependencyTypesNot: ["type-only"] } },
    { name: "no-unresolvable", severity: "error", from: {}, to: { couldNotResolve: true } },
    ...Object.entries(MAY).map(([name, allowed]) => rule(`packages-${name}`, `^packages/${name}/`, allowed)),
    ...Object.entries(APPS).map(([name, allowed]) => rule(`apps-${name}`, `^apps/${name}/`, allowed)),
    {
      name: "no-deep-import",
      comment:
        "another package is reached through its exports only, which the resolver checks; never by a relative path",
      severity: "error",
      from: { path: "^(packages|apps)/([^/]+)/" },
      to: { path: "^(packages|apps)/", pathNot: "^$1/$2/", dependencyTypes: ["local"] },
    },
    {
      name: "core-is-pure",
      comment: "the core of raft imports no runtime module",
      severity: "error",
      from: { path: "^packages/raft/src/core/", pathNot: "\\.test\\.ts$" },
      to: { dependencyTypes: ["core"] },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "(^|/)(dist|coverage|node_modules)/" },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["@dister/source", "import", "types", "node", "default"],
      extensions: [".ts", ".mjs", ".js"],
    },
  },
};
