import {
  type Clock,
  DisterError,
  isDisterError,
  isHexId,
  LIMITS,
  type Logger,
  MSG_HEAD,
  type NodeId,
  type NodeInfo,
  type Rng,
  type Sighting,
} from "@dister/types";
import type { Connection } from "./connection.ts";
import { encodeFrame, FRAME_KIND, type FrameKind } from "./frame.ts";
import { decodeMsg, encodeMsg } from "./msg-codec.ts";
import type { PeerTls } from "./peer-tls.ts";
import {
  commonVersion,
  decodePreface,
  encodePreface,
  NONCE_BYTES,
  PROTOCOL_VERSION_MAX,
  PROTOCOL_VERSION_MIN,
  type Preface,
  type ProofRole,
  type Purpose,
  type Secret,
  type Transcript,
} from "./preface.ts";

/** What a handshake needs to know of this side. */
export interface HandshakeSide {
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
  readonly group: string;
  readonly secret: Secret | undefined;
  readonly tls: PeerTls | undefined;
  /** Asked anew for every handshake. */
  readonly self: () => NodeInfo;
}

/** Who is at the other end, proven where a secret is in use. */
export interface Handshaken {
  readonly purpose: Purpose;
  /** Its node info; an empty `ip` is filled with the address of the connection. */
  readonly info: NodeInfo;
  readonly sighting: Sighting;
}

const OTHER_GROUP = "it belongs to another group";
const ITSELF = "this is the node itself";

/** Why a dialer was closed on without a word, as far as it can know. */
export const CLOSED =
  "it closed the connection: another group or secret, TLS or a certificate that it refuses, or not a node";

/**
 * True for refusals that belong to the daily life of a network: nodes of other groups live on it too, and a list of peers
 * may be the same on every node, and so hold the node itself.
 */
export function isOrdinary(reason: string): boolean {
  return reason === OTHER_GROUP || reason === ITSELF;
}

const NEWEST: Pick<Preface, "versionMin" | "versionMax"> = {
  versionMin: PROTOCOL_VERSION_MIN,
  versionMax: PROTOCOL_VERSION_MAX,
};

/**
 * The dialing side of the handshake.
 * @param peer - name of the other side for errors and log lines.
 * @param options - `expected` is the id that must answer; `withinMs` is what connecting has left of the time.
 * @throws DisterError `DISTER_ERR_HANDSHAKE`; the connection is closed then.
 */
export function dialHandshake(
  connection: Connection,
  side: HandshakeSide,
  peer: string,
  options: { readonly purpose: Purpose; readonly expected?: NodeId | undefined; readonly withinMs?: number },
): Promise<Handshaken> {
  return bounded({ connection, side, peer, withinMs: options.withinMs }, async () => {
    const transcript = await exchangeAsDialer(connection, side, peer, options.purpose);
    if (side.secret !== undefined) {
      connection.send(encodeFrame({ kind: FRAME_KIND.proof }, side.secret.prove("dialer", transcript)));
      const proof = await readKind(connection, FRAME_KIND.proof);
      if (!side.secret.accepts(proof, "listener", transcript)) throw refused(peer, "its proof of the secret is wrong");
    }
    const parties = { connection, side, peer, transcript };
    sendHello(parties, "dialer", Buffer.from(options.expected ?? "", "ascii"));
    const { info, sighting, body } = await readHello(parties, "listener");
    if (body.length > 0) throw badHello("a body");
    const own = side.self();
    const reason = info.group === side.group ? refusalOf(own, info, options.purpose) : OTHER_GROUP;
    if (reason !== undefined) throw refused(peer, reason);
    if (options.expected !== undefined && info.id !== options.expected) {
      throw refused(peer, `another node answers there: ${info.id}`);
    }
    return { purpose: options.purpose, info, sighting };
  });
}

/**
 * The listening side of the handshake. It says nothing before a preface has come, and ends without a word when group
 * or secret are wrong.
 * @throws DisterError `DISTER_ERR_HANDSHAKE`; the connection is closed then.
 */
export function acceptHandshake(
  connection: Connection,
  side: HandshakeSide,
  options: { readonly purposes: readonly Purpose[]; readonly withinMs?: number },
): Promise<Handshaken> {
  const peer = connection.remoteAddress;
  return bounded({ connection, side, peer, withinMs: options.withinMs }, async () => {
    const { transcript, purpose } = await exchangeAsListener(connection, side, peer, options.purposes);
    if (side.secret !== undefined) {
      const proof = await readKind(connection, FRAME_KIND.proof);
      if (!side.secret.accepts(proof, "dialer", transcript)) throw refused(peer, "its proof of the secret is wrong");
      connection.send(encodeFrame({ kind: FRAME_KIND.proof }, side.secret.prove("listener", transcript)));
    }
    const parties = { connection, side, peer, transcript };
    const { info, sighting, body } = await readHello(parties, "dialer");
    if (info.group !== side.group) throw refused(peer, OTHER_GROUP);
    const wanted = readWanted(body, purpose);
    // From here on the other side belongs to the group: it gets an answer, so that it can tell what is wrong.
    sendHello(parties, "listener", new Uint8Array(0));
    const own = side.self();
    const reason =
      refusalOf(own, info, purpose) ??
      (wanted === undefined || wanted === own.id ? undefined : `it looks for another node: ${wanted}`);
    if (reason !== undefined) {
      connection.finish(reason);
      throw refused(peer, reason);
    }
    return { purpose, info, sighting };
  });
}

async function exchangeAsDialer(
  connection: Connection,
  side: HandshakeSide,
  peer: string,
  purpose: Purpose,
): Promise<Transcript> {
  const own: Preface = {
    ...NEWEST,
    purpose,
    secretInUse: side.secret !== undefined,
    nonce: side.rng.bytes(NONCE_BYTES),
  };
  const dialer = encodePreface(own);
  connection.send(encodeFrame({ kind: FRAME_KIND.preface }, dialer));
  const listener = await readKind(connection, FRAME_KIND.preface);
  const theirs = decodePreface(listener);
  checkVersion(own, theirs, peer);
  if (theirs.purpose !== purpose) throw refused(peer, "it answers for another purpose");
  if (theirs.secretInUse !== own.secretInUse) throw refused(peer, secretReason(own.secretInUse));
  return { dialer, listener, group: side.group, channel: connection.channel };
}

async function exchangeAsListener(
  connection: Connection,
  side: HandshakeSide,
  peer: string,
  purposes: readonly Purpose[],
): Promise<{ transcript: Transcript; purpose: Purpose }> {
  const dialer = await readKind(connection, FRAME_KIND.preface);
  const theirs = decodePreface(dialer);
  const { purpose, secretInUse } = theirs;
  if (!purposes.includes(purpose)) throw refused(peer, `this port does not take ${purpose} connections`);
  if (secretInUse !== (side.secret !== undefined)) throw refused(peer, secretReason(side.secret !== undefined));
  const own: Preface = { ...NEWEST, purpose, secretInUse, nonce: side.rng.bytes(NONCE_BYTES) };
  const listener = encodePreface(own);
  connection.send(encodeFrame({ kind: FRAME_KIND.preface }, listener));
  try {
    checkVersion(own, theirs, peer);
  } catch (error) {
    // The other side learns the versions from the preface that is on its way.
    connection.finish("no common version");
    throw error;
  }
  return { transcript: { dialer, listener, group: side.group, channel: connection.channel }, purpose };
}

function checkVersion(own: Preface, theirs: Preface, peer: string): void {
  if (commonVersion(own, theirs) !== undefined) return;
  const versions = `${theirs.versionMin} to ${theirs.versionMax}`;
  throw refused(peer, `it speaks protocol versions ${versions}, this node ${own.versionMin} to ${own.versionMax}`);
}

function secretReason(ownInUse: boolean): string {
  return ownInUse ? "it has no secret" : "it has a secret and this node has none";
}

function refusalOf(own: NodeInfo, theirs: NodeInfo, purpose: Purpose): string | undefined {
  if (theirs.id === own.id) return ITSELF;
  const otherCluster = own.cluster !== "" && theirs.cluster !== "" && own.cluster !== theirs.cluster;
  return purpose !== "hello" && otherCluster ? "it belongs to another cluster" : undefined;
}

interface Parties {
  readonly connection: Connection;
  readonly side: HandshakeSide;
  readonly peer: string;
  readonly transcript: Transcript;
}

function sendHello({ connection, side, transcript }: Parties, role: ProofRole, body: Uint8Array): void {
  const head = role === "dialer" ? MSG_HEAD.raftHi : MSG_HEAD.raftHi2;
  const hello = encodeMsg({ head, info: side.self(), body });
  const sealed = side.secret === undefined ? hello : side.secret.seal(hello, role, transcript);
  connection.send(encodeFrame({ kind: FRAME_KIND.hello }, sealed));
}

async function readHello(
  { connection, side, peer, transcript }: Parties,
  role: ProofRole,
): Promise<Pick<Handshaken, "info" | "sighting"> & { readonly body: Uint8Array }> {
  const sealed = await readKind(connection, FRAME_KIND.hello);
  const hello = side.secret === undefined ? sealed : side.secret.unseal(sealed, role, transcript);
  if (hello === undefined) throw refused(peer, "its hello was not made by who proved the secret");
  const { head, info, body } = decodeMsg(hello);
  if (head !== (role === "dialer" ? MSG_HEAD.raftHi : MSG_HEAD.raftHi2)) throw badHello(`the head ${head}`);
  const sighting = { host: connection.remoteAddress, named: info.ip !== "" };
  return { info: sighting.named ? info : { ...info, ip: sighting.host }, sighting, body };
}

/**
 * For whom a dialer takes this node. Only a first hello may go to whoever answers: a connection that carries more and
 * that somebody passes on to another node than the one that was meant ends here.
 */
function readWanted(body: Uint8Array, purpose: Purpose): NodeId | undefined {
  if (body.length === 0 && purpose === "hello") return undefined;
  const id = Buffer.from(body).toString("latin1");
  if (!isHexId(id)) throw badHello(`no id of the node that it is for, which ${purpose} needs`);
  return id;
}

function badHello(what: string): DisterError {
  return new DisterError("DISTER_ERR_MESSAGE", { reason: `a hello has ${what}` });
}

async function readKind(connection: Connection, kind: FrameKind): Promise<Uint8Array> {
  const frame = await connection.read();
  if (frame.kind !== kind) {
    throw new DisterError("DISTER_ERR_MESSAGE", { reason: `kind ${frame.kind} came in the handshake, not ${kind}` });
  }
  return frame.body;
}

interface Bounds {
  readonly connection: Connection;
  readonly side: HandshakeSide;
  readonly peer: string;
  readonly withinMs?: number | undefined;
}

/** Runs a handshake within its time and turns whatever ends it into one kind of error. */
async function bounded(bounds: Bounds, run: () => Promise<Handshaken>): Promise<Handshaken> {
  const { connection, side, peer, withinMs = LIMITS.handshakeTimeoutMs } = bounds;
  const timer = side.clock.setTimer(withinMs, () => connection.close("the handshake took too long"));
  try {
    const result = await run();
    connection.trust();
    timer.cancel();
    return result;
  } catch (error) {
    connection.onClose(() => timer.cancel());
    const failure = asHandshakeError(error, peer, connection.closed);
    if (!connection.finishing) connection.close(String(failure.details["reason"]));
    throw failure;
  }
}

function asHandshakeError(error: unknown, peer: string, closed: string | undefined): DisterError {
  if (isDisterError(error, "DISTER_ERR_HANDSHAKE")) return error;
  if (isDisterError(error, "DISTER_ERR_PEER_UNREACHABLE")) {
    const byOther = closed === undefined || closed.startsWith("the other side") || closed === "ECONNRESET";
    return refused(peer, byOther ? CLOSED : closed);
  }
  if (isDisterError(error)) return refused(peer, error.message);
  throw error;
}

function refused(peer: string, reason: string): DisterError {
  return new DisterError("DISTER_ERR_HANDSHAKE", reason === ITSELF ? { peer, reason, itself: true } : { peer, reason });
}
