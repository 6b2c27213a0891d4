const KIB = 1024;
const MIB = 1024 * KIB;

/**
 * Every limit of the system in one place. Sizes are in bytes, times in milliseconds, counts are counts.
 * The smaller limits follow from the larger: a command fits an entry, an entry fits a record, a batch fits a frame.
 */
export const LIMITS = Object.freeze({
  /** A key, in UTF-8. Long enough for any path, short enough for an index page. */
  keyBytesMax: 1 * KIB,
  /** A value, in UTF-8. Configuration, not files; well below an entry. */
  valueBytesMax: 1 * MIB,
  /** Keys in one `POST /kv` or `DELETE /kv`: one log entry, applied in one go. */
  keysPerWriteMax: 10_000,
  /** `GET /kv` without a key refuses above this many pairs, as the original did. */
  keysListedMax: 1_000,
  /** One page of `GET /kv?prefix=`. */
  pageKeysMax: 1_000,
  /** Body of an HTTP request. */
  httpBodyBytesMax: 4 * MIB,
  /** Payload of one log entry; with its header it must fit the 23-bit length of an index item (8,388,607). */
  entryPayloadBytesMax: 7 * MIB,
  /** Entries in one append or one AppendEntries message. */
  appendEntriesMax: 4_096,
  /** Payload bytes in one AppendEntries message; one entry above it still travels alone. */
  appendBytesMax: 1 * MIB,
  /** AppendEntries messages to one follower that are not answered yet. */
  inflightAppendsMax: 64,
  /** Payload bytes of proposals that are not committed; beyond it proposals are answered "busy". */
  uncommittedBytesMax: 64 * MIB,
  /** Body of one frame on a peer connection. */
  frameBytesMax: 16 * MIB,
  /** Bytes waiting to be sent on one peer connection; Raft messages beyond it are dropped, calls are refused. */
  sendQueueBytesMax: 64 * MIB,
  /** One piece of a snapshot. */
  snapshotChunkBytes: 256 * KIB,
  /** Backups that one node sends at the same time: each keeps the database from being brought up to date. */
  backupsAtOnceMax: 2,
  /** From connect to a finished handshake. */
  handshakeTimeoutMs: 3_000,
  /** Connections that others opened to one peer port. */
  peerConnectionsMax: 512,
  /** The same from one address (of IPv6: from one /64 network): every member behind one address, and half of all. */
  peerConnectionsPerAddressMax: 256,
  /**
   * Of these, connections whose handshake is not done. A further one closes the oldest of the address that has most of
   * them, so that silence crowds out silence and no node.
   */
  peerHandshakesMax: 128,
  /** Calls to one peer that are not answered yet. */
  peerCallsMax: 10_000,
  /** Request id of a client, in characters. */
  requestIdCharsMax: 128,
  /** How long a request id is remembered, in log time. */
  requestIdKeptMs: 15 * 60_000,
  /** How many request ids are remembered. */
  requestIdsKeptMax: 100_000,
  /** Services, and nodes of one service. */
  servicesPerWriteMax: 1_000,
  serviceNodesMax: 10_000,
  /** Nodes of all services in one `POST /service`: judging them holds up the event loop, some 5 µs each. */
  serviceNodesPerWriteMax: 10_000,
  /** Definition of one service as it is stored, in UTF-8: instances that are added one by one must not outgrow a snapshot. */
  serviceBytesMax: 7 * MIB,
  /** Id of an instance, in characters: host, port and more fit. */
  instanceIdCharsMax: 300,
  instanceTagsMax: 50,
  /** How long the change of a mode waits for watchers, at most. */
  watcherWaitMsMax: 60_000,
  instanceMetaMax: 50,
  /** Nodes that one `GET /balance` chooses: each looks at every node of the service, some 0.5 ms for 10,000 of them. */
  balanceCountMax: 100,
  /** Services, and instances in all of them, that have metrics of their own: each is several series, for years. */
  metricServicesMax: 1_000,
  metricInstancesMax: 1_000,
  /** Name of a service, node or group, in characters. */
  nameCharsMax: 128,
  /** A check is not run more often than this, nor less often. */
  checkIntervalMsMin: 100,
  checkIntervalMsMax: 86_400_000,
  /** Probes that run at the same time on one node. */
  checksAtOnceMax: 256,
  /** Change events kept in memory for followers of the change feed. */
  changesKeptMax: 10_000,
  /** Members of one cluster. */
  membersMax: 64,
} as const);
