import { hostname } from "node:os";
import { join } from "node:path";
import { consoleFolder } from "@dister/console";
import { NodeFileSystem, openLog } from "@dister/log";
import {
  type ApiOptions,
  type ClientComponents,
  ClientNode,
  ClusterNode,
  type HelloAddress,
  IdentityFile,
  parsePeerAddress,
  Self,
} from "@dister/server";
import { openStore, STATE_VERSION } from "@dister/store";
import { DisterError, type FileSystem, type Logger, NO_LOGGER, ROLE } from "@dister/types";
import type { Config } from "@dister/types/schemas";
import { CONFIG_DEFAULTS, ConfigSchema, parseOrThrow } from "@dister/types/schemas";
import { systemClock as clock, systemRng as rng } from "@dister/types/system";
import { TcpPeers } from "@dister/wire";
import { boundedLogger } from "./bounded-logger.ts";
import { assertPossible } from "./config.ts";
import { hostFigures } from "./host-figures.ts";
import { machineNetwork } from "./machine-network.ts";
import { dataPlace, refuseUnfinished } from "./offline/data-place.ts";
import { warnOfOpenDoors } from "./open-doors.ts";
import { TlsFiles } from "./tls-files.ts";
import { VERSION } from "./version.ts";

/** A running node. */
export interface RunningNode {
  /** Address of the API, for example `http://127.0.0.1:4168`. */
  readonly url: string;
  /** Unique id of the node. */
  readonly id: string;
  readonly node: ClusterNode | ClientNode;
  /** Ends when the node had to stop itself; rejects with the reason. Never resolves while the node runs. */
  readonly failed: Promise<never>;
  /** Reads the certificate files again, as it does by itself within seconds of a change; harmless without `Tls`. */
  reload(): void;
  /** Hands leadership over, answers what is under way, and closes everything. */
  stop(): Promise<void>;
}

/** How to run a node inside a program of one's own. */
export interface CreateNodeOptions {
  /** Keys of the configuration file, with their defaults. */
  readonly config?: Partial<Config>;
  /** Where log lines go; nowhere by default. */
  readonly logger?: Logger;
}

/**
 * Runs a node in this process. The only place where concrete disk, socket, clock and database classes are named.
 * @throws DisterError `DISTER_ERR_INVALID`, `DISTER_ERR_CONFIG` (also a port in use), `DISTER_ERR_LOCKED`,
 *   `DISTER_ERR_IDENTITY`, `DISTER_ERR_LOG_CORRUPT`, `DISTER_ERR_STORE`; nothing is left running then.
 */
export async function createNode(options: CreateNodeOptions = {}): Promise<RunningNode> {
  const config = parseOrThrow(ConfigSchema, { ...CONFIG_DEFAULTS, ...options.config }, "config");
  assertPossible(config);
  const closers: (() => unknown)[] = [];
  try {
    return await compose(config, boundedLogger(options.logger ?? NO_LOGGER, clock), closers);
  } catch (error) {
    await closeAll(closers);
    throw error;
  }
}

/** Closes in the reverse order of opening. */
async function closeAll(closers: (() => unknown)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const close of closers.splice(0).reverse()) {
    // One that fails must not leave the lock behind it taken.
    await (async () => close())().catch((error: unknown) => failures.push(error));
  }
  if (failures.length > 0) throw failures[0];
}

async function compose(config: Config, logger: Logger, closers: (() => unknown)[]): Promise<RunningNode> {
  const tls = TlsFiles.open(config, { clock, logger: logger.child({ part: "tls" }) });
  closers.push(() => tls?.close());
  const fileSystem: FileSystem = new NodeFileSystem();
  const place = dataPlace(config.SavePath);
  refuseUnfinished(fileSystem, place);
  const { folder } = place;
  fileSystem.makeDirectory(folder);
  closers.push(fileSystem.lock(join(folder, "lock")));
  const identity = IdentityFile.open({ fileSystem, rng, folder, group: config.Group });
  const { nodeId, clusterId } = identity.current;
  if (config.Role === ROLE.client) assertNoMember(identity, fileSystem, folder);
  warnOfOpenDoors(config, logger);

  const name = config.Name || hostname();
  const { Ip: ip, Role: role, Ports: ports } = config;
  const self = new Self({ identity, name, ip, role, version: VERSION, ports, stateVersion: STATE_VERSION, rng });
  const heard: { node: ClusterNode | ClientNode | null } = { node: null };
  const peers = await TcpPeers.listen({
    components: { clock, rng, logger: logger.child({ part: "peers" }) },
    options: {
      host: config.Listen,
      ports: config.Ports,
      group: config.Group,
      secret: config.Secret === "" ? undefined : config.Secret,
      tls: tls && { credentials: () => tls.current, strictHosts: config.Tls.strictHosts },
      self: () => self.info(),
      onInfo: (info, sighting) => heard.node?.heard(info, sighting),
    },
  });
  closers.push(() => peers.close());
  const host = hostFigures(folder, () => peers.connections());
  if (role === ROLE.client) {
    const parts = { identity, self, transport: peers, rpc: peers, network: machineNetwork, clock, rng, logger, host };
    const node = clientNode(config, parts);
    heard.node = node;
    closers.push(() => node.stop());
    const url = await node.start();
    logger.info("client node started", { node: nodeId, name, group: config.Group, api: url });
    const failed = new Promise<never>(() => {});
    return { url, id: nodeId, node, failed, reload: () => tls?.reload(), stop: () => closeAll(closers) };
  }

  const { log, store } = await openData({ fileSystem, folder, identity, logger }, closers);

  let fail: (reason: unknown) => void = () => {};
  const failed = new Promise<never>((_resolve, reject) => {
    fail = reject;
  });
  failed.catch(() => undefined);
  const node = new ClusterNode(
    {
      identity,
      self,
      log,
      state: store,
      transport: peers,
      rpc: peers,
      network: machineNetwork,
      clock,
      rng,
      logger,
      host,
    },
    {
      minNode: config.MinNode,
      peers: helloAddresses(config),
      scan: config.Scan,
      api: apiOptions(config),
      raft: { heartbeatMs: config.Election.heartbeatMs, electionTimeoutMs: config.Election.timeoutMs },
      cleanup: config.Cleanup,
      checks: config.Checks,
      onFatal: (error) => fail(error),
    },
  );
  heard.node = node;
  closers.push(() => node.stop());
  const url = await node.start();
  logger.info("node started", { node: nodeId, name, group: config.Group, cluster: clusterId || null, api: url });
  return { url, id: nodeId, node, failed, reload: () => tls?.reload(), stop: () => closeAll(closers) };
}

/** Opens what a member keeps: its log and its database. */
async function openData(
  parts: { fileSystem: FileSystem; folder: string; identity: IdentityFile; logger: Logger },
  closers: (() => unknown)[],
) {
  const { fileSystem, folder, identity, logger } = parts;
  const { nodeId, clusterId, group } = identity.current;
  const logFolder = join(folder, "log");
  if (identity.current.logMade && !fileSystem.exists(logFolder)) {
    throw new DisterError("DISTER_ERR_IDENTITY", {
      reason: `${logFolder} is gone, and with it what this node has promised: empty the data folder to join anew`,
    });
  }
  const log = await openLog({
    components: { fileSystem, logger: logger.child({ part: "log" }) },
    options: { directory: logFolder, identity: { group, nodeId, clusterId } },
  });
  closers.push(() => log.close());
  identity.setLogMade();
  const store = await openStore({
    components: { logger: logger.child({ part: "store" }) },
    options: { path: join(folder, "state.db") },
  });
  closers.push(() => store.close());
  return { log, store };
}

function clientNode(config: Config, components: ClientComponents): ClientNode {
  const cacheBytes = config.Cache.bytes;
  const peers = helloAddresses(config);
  return new ClientNode(components, { peers, scan: config.Scan, api: apiOptions(config), cacheBytes });
}

function helloAddresses({ Peers }: Config): HelloAddress[] {
  return Peers.map((peer, position) => parsePeerAddress(peer, `Peers.${position}`));
}

function apiOptions({ Api, Ports }: Config): ApiOptions {
  return { ...Api, port: Ports.api, consoleFolder: consoleFolder() };
}

/** A member that came back as a client would leave its vote behind, and what it has promised. */
function assertNoMember(identity: IdentityFile, fileSystem: FileSystem, folder: string): void {
  const { clusterId, accepted, logMade, nodeId } = identity.current;
  const isMember = clusterId !== "" || accepted !== null || logMade || fileSystem.exists(join(folder, "state.db"));
  if (!isMember) return;
  throw new DisterError("DISTER_ERR_IDENTITY", {
    reason: `it holds a member's data, and a client stores nothing: remove node ${nodeId} from its cluster, then start the client with an empty folder`,
  });
}
