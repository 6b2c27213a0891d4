/** What TLS costs beside plain TCP on the loopback address: frames one way, and calls there and back. Interleaved. */
import { NO_LOGGER, type NodeInfo, type RaftMessage } from "@dister/types";
import { systemClock as clock, systemRng as rng } from "@dister/types/system";
import { type PeerTls, TcpPeers, TlsCredentials } from "@dister/wire";
import { authority, nodePem } from "../test/certificates.ts";
import { infoOf } from "../test/lab.ts";

const REPETITIONS = 7;
const MESSAGES = 2_000;
const CALLS = 1_000;
const [A, B] = ["00000000000000AA", "00000000000000BB"];
const NONE = new Uint8Array(0);
const payload = Buffer.alloc(150, "x");
const entries = Array.from({ length: 64 }, (_, at) => ({ index: 1 + at, term: 1, r: at, kind: 0 as const, payload }));
const append: RaftMessage = { type: "append", term: 1, prev: { index: 0, term: 0 }, entries, commit: 0 };

interface Pair {
  readonly a: TcpPeers;
  readonly close: () => Promise<unknown>;
  /** Resolves when b has got so many messages more. */
  readonly received: (count: number) => Promise<void>;
}

async function pair(tls: PeerTls | undefined): Promise<Pair> {
  const open = (id: string): Promise<TcpPeers> => {
    const self = (): NodeInfo => infoOf(id);
    const ports = { raft: 0, repl: 0 };
    const components = { clock, rng, logger: NO_LOGGER };
    return TcpPeers.listen({ components, options: { host: "127.0.0.1", ports, group: "g", tls, self } });
  };
  const [a, b] = [await open(A), await open(B)];
  let [got, wanted] = [0, 0];
  let wake: () => void = () => {};
  const nothing = (): void => {};
  const snapshot = (): Promise<never> => Promise.reject(new Error("none"));
  a.bind({ message: nothing, peerUp: nothing, peerDown: nothing, snapshot });
  const message = (): void => {
    if (++got === wanted) wake();
  };
  b.bind({ message, peerUp: nothing, peerDown: nothing, snapshot });
  b.serve("echo", async (_from, body) => body);
  a.setPeer(B, { host: "127.0.0.1", ports: { ...b.ports(), api: 0 } });
  await a.call(B, "echo", NONE, { timeoutMs: 5_000 });
  const received = (count: number): Promise<void> => {
    wanted = got + count;
    return new Promise((resolve) => {
      wake = resolve;
    });
  };
  return { a, received, close: () => Promise.all([a.close(), b.close()]) };
}

async function frames({ a, received }: Pair): Promise<number> {
  const start = performance.now();
  const done = received(MESSAGES);
  for (let sent = 0; sent < MESSAGES; sent++) a.send(B, [append]);
  await done;
  return performance.now() - start;
}

async function calls({ a }: Pair): Promise<number> {
  const start = performance.now();
  for (let at = 0; at < CALLS; at++) await a.call(B, "echo", payload, { timeoutMs: 5_000 });
  return performance.now() - start;
}

const credentials = TlsCredentials.of(nodePem(authority()), { group: "g", wallMs: Date.now() });
const pairs = { plain: await pair(undefined), tls: await pair({ credentials: () => credentials, strictHosts: false }) };
const subjects = { [`${MESSAGES} appends of 64 entries`]: frames, [`${CALLS} calls, one by one`]: calls };
for (const [name, run] of Object.entries(subjects)) {
  const times: { plain: number[]; tls: number[] } = { plain: [], tls: [] };
  await run(pairs.plain);
  await run(pairs.tls);
  for (let repetition = 0; repetition < REPETITIONS; repetition++) {
    for (const kind of ["plain", "tls"] as const) times[kind].push(await run(pairs[kind]));
  }
  const median = (list: number[]): number => list.sort((x, y) => x - y)[REPETITIONS >> 1]!;
  const [plain, tls] = [median(times.plain), median(times.tls)];
  console.log(`${name}: TLS takes ${(tls / plain).toFixed(2)} times as long (plain ${plain.toFixed(0)} ms)`);
}
await pairs.plain.close();
await pairs.tls.close();
