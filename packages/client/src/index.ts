/** The HTTP API for programs. Needs fetch and nothing of Node. */
export type { ReplyMarks, WatchersTold } from "@dister/types";
export type { CallOptions, MarkedOptions, WriteOptions } from "./caller.ts";
export { type BalanceOptions, type Client, createClient, type HealthReport } from "./client.ts";
export type { KvClient, KvPair, Page, PageOptions, Pairs, ReadOptions, WriteResult } from "./kv.ts";
export type { NodesClient, ShownNode } from "./nodes.ts";
export type {
  InstanceModeChange,
  InstanceName,
  ModeOptions,
  ModeResult,
  ServiceDefinition,
  ServiceNodeDefinition,
  ServiceReport,
  ServicesClient,
} from "./services.ts";
export type { ClientComponents, ClientOptions } from "./settings.ts";
export type { SnapshotDownload, SnapshotOptions } from "./snapshot.ts";
