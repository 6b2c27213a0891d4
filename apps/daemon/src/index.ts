export { type ConfigSources, loadConfig } from "./config.ts";
export { type CreateNodeOptions, createNode, type RunningNode } from "./node.ts";
