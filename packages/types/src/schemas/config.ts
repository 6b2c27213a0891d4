import { z } from "zod";
import { LIMITS } from "../limits.ts";
import { DEFAULT_PORTS } from "../node-info.ts";

const port = z.int().min(1).max(65_535);
const ROLES = { server: 0, client: 1, monitor: 2 } as const;

/** Times of elections, in milliseconds. Every node of a cluster should have the same. */
const ElectionSchema = z
  .strictObject({
    heartbeatMs: z
      .int()
      .min(10)
      .max(10_000)
      .default(75)
      .describe("Between two heartbeats of a leader. Less costs CPU; more notices failures later."),
    timeoutMs: z
      .int()
      .min(50)
      .max(60_000)
      .default(500)
      .describe("Silence after which a leader is suspected, at least; the real time is drawn from here to twice this."),
  })
  .refine((election) => election.timeoutMs >= 3 * election.heartbeatMs, {
    path: ["timeoutMs"],
    error: "at least three heartbeats",
  });

/** When the leader removes members by itself. Every server of a cluster should have the same. */
const CleanupSchema = z.strictObject({
  deadAfterMs: z
    .union([z.literal(0), z.int().min(10_000).max(2_592_000_000)], { error: "0, or 10000 to 2592000000" })
    .default(0)
    .describe(
      "Silence after which the leader removes a member for good, in milliseconds; 0: only an operator removes.",
    ),
  minVoters: z
    .int()
    .min(1)
    .max(LIMITS.membersMax)
    .default(3)
    .describe("Voters that are left at least when the leader removes one."),
});

const isExecutable = (path: string): boolean =>
  path.startsWith("/") && !path.endsWith("/") && !path.includes("\u0000") && path.length <= 4_096;
const EXECUTABLES = { error: "off, or executables by absolute path" };

/** How this node checks the instances of services. What scripts may run, only its own configuration says, never the API. */
const ChecksSchema = z.strictObject({
  custom: z
    .union([z.string(), z.array(z.string(), EXECUTABLES)], EXECUTABLES)
    .transform((value) => (typeof value === "string" ? value.split(",").map((path) => path.trim()) : value))
    .refine(
      (list) => list.join() === "off" || (list.length > 0 && list.length <= 1_000 && list.every(isExecutable)),
      EXECUTABLES,
    )
    .transform((list): "off" | string[] => (list.join() === "off" ? "off" : list))
    .default("off")
    .describe("Executables that `custom` checks may run on this node, by absolute path; off: none, and no such check."),
  observers: z
    .int()
    .min(1)
    .max(LIMITS.membersMax)
    .default(1)
    .describe("Servers that check each instance, the majority decides; 1: the leader alone. The same on every server."),
  dampingMs: z
    .int()
    .min(0)
    .max(3_600_000)
    .default(5_000)
    .describe("Time in which at most one change of an instance is published, in milliseconds."),
});

const file = z.string().max(4_096).default("");

/** Certificates for the connections between nodes: all three files or none. */
const TlsSchema = z
  .strictObject({
    cert: file.describe("PEM file of this node's certificate; with it, everything between nodes is encrypted."),
    key: file.describe("PEM file of its private key, without a passphrase."),
    ca: file.describe("PEM file of the CA that signed the certificates of all nodes of the group."),
    strictHosts: z
      .boolean()
      .default(false)
      .describe(
        "A dialled host must be named in the certificate too; without it the group is checked, and nodes may move.",
      ),
  })
  .superRefine((tls, context) => {
    const names = ["cert", "key", "ca"] as const;
    if (names.every((name) => tls[name] === "") && !tls.strictHosts) return;
    const missing = names.find((name) => tls[name] === "");
    if (missing === undefined) return;
    context.addIssue({
      code: "custom",
      path: [missing],
      message: "the path of a PEM file: Tls needs cert, key and ca",
    });
  });

/** The configuration of a node, with its defaults. docs/reference/configuration.md is written from it. */
export const ConfigSchema = z.strictObject({
  Group: z
    .string()
    .max(LIMITS.nameCharsMax)
    .default("")
    .transform((v) => v || "default.group.dister")
    .describe("Name of the cluster; nodes of different groups ignore each other."),
  Name: z.string().max(LIMITS.nameCharsMax).default("").describe("Name to show; empty: the host's name."),
  Ip: z
    .string()
    .max(255)
    .default("")
    .describe("Address that peers should use; empty: seen by the peers on each connection."),
  Listen: z.string().max(255).default("0.0.0.0").describe("Address on which the two peer ports listen."),
  Role: z
    .union([z.literal([0, 1, 2]), z.enum(["server", "client", "monitor"]).transform((name) => ROLES[name])], {
      error: "0, 1, 2, server, client or monitor",
    })
    .default(0)
    .describe(
      "0 or server: votes and stores; 1 or client: stores nothing, asks servers; 2 or monitor: stores, never votes.",
    ),
  SavePath: z
    .string()
    .default("")
    .transform((v) => v || "./")
    .describe("Folder under which dister.db/ holds the data."),
  LogPath: z.string().default("").describe("Folder for log files; empty: standard output."),
  LogLevel: z
    .enum(["debug", "info", "warn", "error"], { error: "debug, info, warn or error" })
    .default("info")
    .describe("Least level of the log lines that are written: debug, info, warn or error."),
  MinNode: z
    .int()
    .min(1)
    .max(LIMITS.membersMax)
    .default(2)
    .describe("Servers that must have found each other before a cluster is formed; 1: standalone."),
  Scan: z
    .boolean()
    .default(false)
    .describe("Look for nodes of the group on the local network (IPv4) while the node belongs to no cluster."),
  Peers: z
    .array(z.string().min(1).max(255))
    .default([])
    .describe("Addresses to say hello to: host, host:raftPort or [IPv6]:raftPort; of a name, each of its addresses."),
  Ports: z
    .strictObject({
      raft: port.default(DEFAULT_PORTS.raft).describe("TCP port for hello, heartbeats and votes."),
      repl: port.default(DEFAULT_PORTS.repl).describe("TCP port for log entries, snapshots and calls between nodes."),
      api: port.default(DEFAULT_PORTS.api).describe("TCP port of the HTTP API."),
    })
    .prefault({})
    .refine((ports) => new Set(Object.values(ports)).size === 3, { error: "three different ports" }),
  Api: z
    .strictObject({
      host: z.string().min(1).max(255).default("127.0.0.1").describe("Address on which the API listens."),
      hosts: z
        .array(z.string().min(1).max(255))
        .default([])
        .describe("Further names by which the API may be asked (Host header)."),
      origins: z
        .array(z.string().min(1).max(255))
        .default([])
        .describe("Web origins that may call the API from a browser."),
    })
    .prefault({}),
  Secret: z
    .string()
    .max(1_024)
    .default("")
    .describe("Key of the group: peers prove that they know it before anything else is read; empty: none."),
  Tls: TlsSchema.prefault({}),
  Election: ElectionSchema.prefault({}),
  Cleanup: CleanupSchema.prefault({}),
  Checks: ChecksSchema.prefault({}),
  Cache: z
    .strictObject({
      bytes: z
        .int()
        .min(0)
        .max(64 * 1024 * 1024 * 1024)
        .default(64 * 1024 * 1024)
        .describe("Memory in which a client keeps keys that were read, about; 0: none. Other roles have no cache."),
    })
    .prefault({}),
});
export type Config = z.output<typeof ConfigSchema>;

/** The configuration of a node that sets nothing. */
export const CONFIG_DEFAULTS: Config = Object.freeze(ConfigSchema.parse({}));
