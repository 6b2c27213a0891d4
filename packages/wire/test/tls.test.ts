import { connect as connectTcp, createServer } from "node:net";
import {
  type ConnectionOptions,
  connect as connectTls,
  createSecureContext,
  createServer as createTlsServer,
  type TLSSocket,
} from "node:tls";
import { LIMITS } from "@dister/types";
import { ManualClock } from "@dister/types/testing";
import { type PeerTls, type TcpPeers, TlsCredentials, type TlsPem } from "@dister/wire";
import { afterEach, describe, expect, test } from "vitest";
import { authority, certificate, nodePem } from "./certificates.ts";
import { A, at, B, Lines, open, refusal, tlsOf, until } from "./lab.ts";

const HOUR_MS = 3_600_000;
const ca = authority();
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function started(...args: Parameters<typeof open>): Promise<TcpPeers> {
  const peers = await open(...args);
  cleanups.push(() => peers.close());
  return peers;
}

/** Credentials that no checking has seen, for what an attacker would show. */
function unchecked(pem: TlsPem): PeerTls {
  const good = TlsCredentials.of(nodePem(ca), { group: "g", wallMs: Date.now() });
  const forged: TlsCredentials = Object.create(good, {
    context: { value: contextOf(pem) },
    serverOptions: { value: { ...pem, minVersion: "TLSv1.3" } },
  });
  return { credentials: () => forged, strictHosts: false };
}

function contextOf(pem: TlsPem) {
  return createSecureContext({ ...pem, minVersion: "TLSv1.3" });
}

/** What a client of TLS sees that is made by hand. */
interface Seen {
  readonly socket: TLSSocket;
  error: string;
  closed: boolean;
}

function client(port: number, options: ConnectionOptions): Seen {
  const socket = connectTls({ host: "127.0.0.1", port, ca: ca.cert, checkServerIdentity: () => undefined, ...options });
  const seen: Seen = { socket, error: "", closed: false };
  socket.on("error", (error: NodeJS.ErrnoException) => {
    seen.error = error.code ?? error.message;
  });
  socket.on("close", () => {
    seen.closed = true;
  });
  socket.resume();
  cleanups.push(() => socket.destroy());
  return seen;
}

const warnings = (lines: Lines): string => lines.lines.filter((line) => line.startsWith("warn")).join("\n");

describe("with TLS", () => {
  test("nodes of the group meet, with and without a secret, and what they say cannot be read on the way", async () => {
    for (const secret of [undefined, "a long and random secret"]) {
      const b = await started(B, { tls: tlsOf(nodePem(ca)), secret });
      const spoken: Buffer[] = [];
      const tap = createServer((socket) => {
        const onward = connectTcp(b.ports().raft, "127.0.0.1");
        socket
          .on("data", (chunk) => spoken.push(chunk))
          .on("error", () => {})
          .pipe(onward);
        onward
          .on("data", (chunk) => spoken.push(chunk))
          .on("error", () => {})
          .pipe(socket);
      });
      await new Promise<void>((resolve) => tap.listen(0, "127.0.0.1", resolve));
      cleanups.push(() => tap.close());
      const a = await started(A, { tls: tlsOf(nodePem(ca)), secret });
      const { port } = tap.address() as { port: number };
      expect((await a.hello(at(port))).id).toBe(B);
      expect(Buffer.concat(spoken).includes("DSTR")).toBe(false);
      expect(Buffer.concat(spoken).includes(`node ${A}`)).toBe(false);
    }
  });

  test("X5: a secret that differs ends it within TLS too", async () => {
    const lines = new Lines();
    const b = await started(B, { tls: tlsOf(nodePem(ca)), secret: "one long secret" }, { logger: lines });
    const a = await started(A, { tls: tlsOf(nodePem(ca)), secret: "another long secret" });
    expect(await refusal(a.hello(at(b.ports().raft)))).toContain("closed the connection");
    await until(() => warnings(lines).includes("proof of the secret is wrong"), "the listener says why");
  });

  test("X5: who has a certificate and not the secret cannot pass on the proofs of two nodes that have it", async () => {
    const lines = new Lines();
    const secret = "a long and random secret";
    const b = await started(B, { tls: tlsOf(nodePem(ca)), secret }, { logger: lines });
    const stolen = nodePem(ca);
    const between = createTlsServer({ ...stolen, requestCert: true, rejectUnauthorized: true }, (socket) => {
      const onward = client(b.ports().raft, stolen).socket;
      socket.on("error", () => {}).pipe(onward);
      onward.pipe(socket);
    });
    await new Promise<void>((resolve) => between.listen(0, "127.0.0.1", resolve));
    cleanups.push(() => between.close());
    const a = await started(A, { tls: tlsOf(nodePem(ca)), secret });
    expect(await refusal(a.hello(at((between.address() as { port: number }).port)))).toContain("closed the connection");
    await until(() => warnings(lines).includes("proof of the secret is wrong"), "the listener says why");
  });

  test("X6: only TLS 1.3 with a session of its own is spoken: nothing of an earlier connection is taken up again", async () => {
    const b = await started(B, { tls: tlsOf(nodePem(ca)) });
    const sessions: Buffer[] = [];
    const first = client(b.ports().raft, nodePem(ca));
    first.socket.on("session", (session) => sessions.push(session));
    await until(() => first.socket.getProtocol() === "TLSv1.3" && first.socket.authorized, "connected");
    first.socket.write("not a frame, so that the other side closes behind what it has to say of sessions");
    await until(() => first.closed, "closed");
    for (const session of sessions) {
      const again = client(b.ports().raft, { ...nodePem(ca), session });
      await until(() => again.closed || again.socket.authorized, "connected again");
      expect(again.socket.isSessionReused()).toBe(false);
    }
  });
});

describe("X6: who is not let in", () => {
  const expired = { from: new Date(Date.now() - 2 * HOUR_MS), to: new Date(Date.now() - HOUR_MS) };
  const later = { from: new Date(Date.now() + HOUR_MS), to: new Date(Date.now() + 2 * HOUR_MS) };
  const other = authority("ca");
  const itself = certificate({ names: [[6, "dister://g/node"]], purposes: [1, 2] });
  const bad: [string, TlsPem, RegExp][] = [
    ["an expired certificate", nodePem(ca, expired), /certificate has expired/],
    ["a certificate that is not valid yet", nodePem(ca, later), /certificate is not valid yet/],
    [
      "a certificate of another CA of the same name",
      { ...nodePem(other), ca: ca.cert },
      /certificate is of another CA/,
    ],
    ["a self-signed certificate", { ...itself, ca: ca.cert }, /certificate is self-signed/],
    ["another group's certificate of the same CA", nodePem(ca, { group: "h" }), /certificate is for another group/],
    ["a client's certificate of the same CA", nodePem(ca, { names: [[2, "client.example"]] }), /names no group/],
    ["a certificate signed by a node of the group", signedByNode(), /certificate/],
  ];

  test.each(bad)("%s is refused by the listener, whose log says why", async (_name, pem, says) => {
    const lines = new Lines();
    const b = await started(B, { tls: tlsOf(nodePem(ca)) }, { logger: lines });
    const a = await started(A, { tls: unchecked(pem) });
    expect(await refusal(a.hello(at(b.ports().raft)))).toMatch(/closed the connection|certificate of this node/);
    await until(() => says.test(warnings(lines)), "the listener says why");
    expect(warnings(lines)).toContain('"address":"127.0.0.1"');
  });

  test.each(bad)("%s is refused by the dialer, which says why", async (_name, pem, says) => {
    const [ofA, ofB] = [new Lines(), new Lines()];
    const b = await started(B, { tls: unchecked(pem) }, { logger: ofB });
    const a = await started(A, { tls: tlsOf(nodePem(ca)) }, { logger: ofA });
    expect(await refusal(a.hello(at(b.ports().raft)))).toMatch(says);
    expect(warnings(ofA)).toMatch(says);
    await until(() => warnings(ofB).includes("a connection was refused"), "the listener notes it too");
  });

  const { cert, key } = nodePem(ca);
  const clients: [string, ConnectionOptions, RegExp, RegExp][] = [
    ["no client certificate", {}, /shows no certificate/, /CERTIFICATE_REQUIRED/],
    ["TLS 1.2", { cert, key, maxVersion: "TLSv1.2" }, /older TLS than 1\.3/, /PROTOCOL_VERSION/],
    [
      "TLS 1.0",
      { cert, key, minVersion: "TLSv1", maxVersion: "TLSv1", ciphers: "DEFAULT@SECLEVEL=0" },
      /older TLS/,
      /PROTOCOL_VERSION/,
    ],
    ["no client certificate at TLS 1.2", { maxVersion: "TLSv1.2" }, /older TLS than 1\.3/, /PROTOCOL_VERSION/],
  ];
  test.each(clients)("%s is refused, and both sides know why", async (_name, options, says, told) => {
    const lines = new Lines();
    const b = await started(B, { tls: tlsOf(nodePem(ca)) }, { logger: lines });
    const one = client(b.ports().raft, options);
    await until(() => one.closed, "closed");
    expect(one.error).toMatch(told);
    await until(() => says.test(warnings(lines)), "the listener says why");
  });

  test("a listener of TLS 1.2 is refused by the dialer", async () => {
    const server = createTlsServer({ ...nodePem(ca), maxVersion: "TLSv1.2" });
    server.on("tlsClientError", () => {});
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    cleanups.push(() => server.close());
    const a = await started(A, { tls: tlsOf(nodePem(ca)) });
    expect(await refusal(a.hello(at((server.address() as { port: number }).port)))).toBe("it does not take TLS 1.3");
  });

  test("nothing of this changes when the environment asks Node to trust everybody", async () => {
    const before = process.env["NODE_TLS_REJECT_UNAUTHORIZED"];
    process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = "0";
    try {
      const lines = new Lines();
      const good = await started(B, { tls: tlsOf(nodePem(ca)) }, { logger: lines });
      const bad = await started(A, { tls: unchecked({ ...itself, ca: ca.cert }) });
      expect(await refusal(bad.hello(at(good.ports().raft)))).toContain("closed the connection");
      expect(await refusal(good.hello(at(bad.ports().raft)))).toContain("self-signed");
      await until(() => warnings(lines).includes("self-signed"), "the listener says why");
    } finally {
      if (before === undefined) delete process.env["NODE_TLS_REJECT_UNAUTHORIZED"];
      else process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = before;
    }
  });
});

function signedByNode(): TlsPem {
  const node = nodePem(ca);
  const made = certificate({ issuer: { name: "node", ...node }, names: [[6, "dister://g/node"]], purposes: [1, 2] });
  return { cert: made.cert + node.cert, key: made.key, ca: ca.cert };
}

describe("X6: TLS at one side only", () => {
  test("a dialer with TLS and a listener without do not hang, and both say it", async () => {
    const lines = new Lines();
    const b = await started(B, {}, { logger: lines });
    const a = await started(A, { tls: tlsOf(nodePem(ca)) });
    expect(await refusal(a.hello(at(b.ports().raft)))).toContain("perhaps Tls is not set there");
    await until(() => warnings(lines).includes("it speaks TLS, and here Tls is not set"), "the listener says why");
  });

  test("a dialer without TLS and a listener with it do not hang, and both say it", async () => {
    const lines = new Lines();
    const b = await started(B, { tls: tlsOf(nodePem(ca)) }, { logger: lines });
    const a = await started(A);
    expect(await refusal(a.hello(at(b.ports().raft)))).toContain("TLS");
    await until(() => warnings(lines).includes("it speaks without TLS, and here Tls is set"), "the listener says why");
  });

  test("a browser at a port with TLS is told from a node", async () => {
    const lines = new Lines();
    const b = await started(B, { tls: tlsOf(nodePem(ca)) }, { logger: lines });
    const socket = connectTcp(b.ports().raft, "127.0.0.1", () => socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
    socket.on("error", () => {}).resume();
    cleanups.push(() => socket.destroy());
    await until(() => warnings(lines).includes("it speaks HTTP, and this is a port for nodes"), "said");
  });

  test("X2: who says nothing to a port with TLS is closed when the time for the handshake is over", async () => {
    const clock = new ManualClock();
    const b = await started(B, { tls: tlsOf(nodePem(ca)) }, { clock });
    let closed = false;
    const socket = connectTcp(b.ports().raft, "127.0.0.1");
    socket
      .on("error", () => {})
      .on("close", () => {
        closed = true;
      });
    socket.resume();
    cleanups.push(() => socket.destroy());
    await until(() => clock.pending === 1, "accepted");
    clock.advance(LIMITS.handshakeTimeoutMs - 1);
    expect(closed).toBe(false);
    clock.advance(1);
    await until(() => closed, "closed");
  });
});

describe("the host check", () => {
  const named = (...names: string[]): TlsPem =>
    nodePem(ca, { names: [[6, "dister://g/node"], ...names.map((name) => [2, name] as const)] });

  test("X6: is off by default, for nodes move; on, a certificate must name the dialled host", async () => {
    const b = await started(B, { tls: tlsOf(named("localhost")) });
    const strict = await started(A, { tls: tlsOf(nodePem(ca), { strictHosts: true }) });
    const lax = await started(A, { tls: tlsOf(nodePem(ca)) });
    const { raft: raftPort } = b.ports();
    expect((await strict.hello({ host: "localhost", raftPort })).id).toBe(B);
    expect(await refusal(strict.hello({ host: "127.0.0.1", raftPort }))).toContain("does not name 127.0.0.1");
    expect((await lax.hello({ host: "127.0.0.1", raftPort })).id).toBe(B);
  });
});

describe("new certificates", () => {
  test("X6: are shown and asked for from the next connection on, by both sides, while older connections stand", async () => {
    const next = authority("next");
    const both = ca.cert + next.cert;
    const of = (pem: TlsPem): TlsCredentials => TlsCredentials.of(pem, { group: "g", wallMs: Date.now() });
    let ofB = of({ ...nodePem(ca), ca: both });
    const b = await started(B, { tls: { credentials: () => ofB, strictHosts: false } });
    const [onlyOld, onlyNext] = [
      await started(A, { tls: tlsOf(nodePem(ca)) }),
      await started(A, { tls: tlsOf(nodePem(next)) }),
    ];
    onlyOld.setPeer(B, { host: "127.0.0.1", ports: { ...b.ports(), api: 0 } });
    await until(() => onlyOld.isUp(B), "connected with the old one");
    expect(await refusal(onlyNext.hello(at(b.ports().raft)))).toContain("another CA");
    ofB = of({ ...nodePem(next), ca: next.cert });
    expect((await onlyNext.hello(at(b.ports().raft))).id).toBe(B);
    expect(await refusal(onlyOld.hello(at(b.ports().raft)))).toContain("another CA");
    expect(onlyOld.isUp(B)).toBe(true);
    const beforehand = await b.hello(at(onlyNext.ports().raft));
    expect(beforehand.id).toBe(A);
    expect(await refusal(b.hello(at(onlyOld.ports().raft)))).toContain("another CA");
  });
});
