import {
  DisterError,
  type NodeId,
  type PiecesFrom,
  type RaftMessage,
  type SnapshotOffer,
  type SnapshotReply,
  type Transport,
  type TransportReceiver,
} from "@dister/types";
import type { Dice } from "./dice.ts";
import { SnapshotStream } from "./snapshot-stream.ts";
import type { World } from "./world.ts";

/** How messages travel. */
export interface Weather {
  readonly delayMsMin: number;
  readonly delayMsMax: number;
  /** Shares of messages that are lost, come twice, or overtake others; 0 to 1. */
  readonly loss: number;
  readonly doubling: number;
  readonly overtaking: number;
}

export const CALM: Weather = Object.freeze({ delayMsMin: 0.2, delayMsMax: 2, loss: 0, doubling: 0, overtaking: 0 });

/** A process that is reachable, from the view of the network. */
export interface Endpoint {
  readonly id: NodeId;
  readonly receiver: TransportReceiver;
  /** Runs something inside the process: later when it is paused, never when it has ended. */
  readonly run: (what: () => void) => void;
}

/** Watches what leaves and what arrives. */
export interface Tap {
  sent(from: NodeId, to: NodeId, message: RaftMessage): void;
  received(from: NodeId, to: NodeId, message: RaftMessage): void;
}

/** The network between all machines. */
export class Network {
  readonly #world: World;
  readonly #dice: Dice;
  readonly #endpoints = new Map<NodeId, Endpoint>();
  readonly #cuts = new Set<string>();
  readonly #weatherOf = new Map<string, Weather>();
  readonly #busyUntil = new Map<string, number>();
  /** Connections that broke since: what was under way on an older one is lost. */
  readonly #epochs = new Map<string, number>();
  readonly #tap: Tap;
  #weather = CALM;

  constructor(world: World, tap: Tap) {
    this.#world = world;
    this.#dice = world.dice("network");
    this.#tap = tap;
  }

  setWeather(weather: Weather): void {
    this.#weather = weather;
  }

  /** Sets one direction apart from the others. */
  setLink(from: NodeId, to: NodeId, weather: Weather): void {
    this.#weatherOf.set(`${from}>${to}`, weather);
  }

  /** Loses everything in one direction, silently. */
  cut(from: NodeId, to: NodeId): void {
    this.#cuts.add(`${from}>${to}`);
  }

  /** Ends cuts and special links; the weather stays. */
  heal(): void {
    this.#cuts.clear();
    this.#weatherOf.clear();
  }

  isCut(from: NodeId, to: NodeId): boolean {
    return this.#cuts.has(`${from}>${to}`);
  }

  /** Breaks the connection between two: what is under way is lost and both notice. */
  reset(a: NodeId, b: NodeId): void {
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      this.#epochs.set(`${from}>${to}`, this.#epoch(from, to) + 1);
      this.#tell(to, from);
    }
  }

  /** A process began to listen. */
  join(endpoint: Endpoint): void {
    this.#endpoints.set(endpoint.id, endpoint);
  }

  /** A process ended: its connections close, and whoever can still hear its machine notices. */
  leave(id: NodeId): void {
    if (!this.#endpoints.delete(id)) return;
    // What has left already may still arrive, as it does when only one end of a connection is gone.
    const arrives = this.#dice.chance(0.7);
    for (const other of this.#endpoints.keys()) {
      if (!arrives) this.#epochs.set(`${id}>${other}`, this.#epoch(id, other) + 1);
      this.#epochs.set(`${other}>${id}`, this.#epoch(other, id) + 1);
      if (!this.isCut(id, other)) this.#tell(other, id);
    }
  }

  #tell(whom: NodeId, about: NodeId): void {
    this.#world.after(this.#dice.between(0.1, 2), `${whom} lost its connection to ${about}`, () => {
      const endpoint = this.#endpoints.get(whom);
      endpoint?.run(() => endpoint.receiver.peerDown(about));
    });
  }

  /** The transport of one process; what it sends after its end is lost. */
  transportOf(id: NodeId, run: Endpoint["run"], isAlive: () => boolean): Transport {
    return {
      bind: (receiver) => this.join({ id, receiver, run }),
      setPeer: () => {},
      removePeer: () => {},
      isUp: (peer) => this.#endpoints.has(peer) && !this.isCut(id, peer) && !this.isCut(peer, id),
      send: (to, messages) => {
        for (const message of messages) if (isAlive()) this.#send(id, to, message);
      },
      sendSnapshot: (to, offer, piecesFrom) => this.#sendSnapshot(id, to, { offer, piecesFrom }),
      close: async () => {},
    };
  }

  #epoch(from: NodeId, to: NodeId): number {
    return this.#epochs.get(`${from}>${to}`) ?? 0;
  }

  #send(from: NodeId, to: NodeId, message: RaftMessage): void {
    this.#tap.sent(from, to, message);
    const link = `${from}>${to}`;
    const weather = this.#weatherOf.get(link) ?? this.#weather;
    // The numbers are drawn in any case, so that a cut does not shift the fate of later messages.
    const [loss, doubling, overtaking] = [this.#dice.next(), this.#dice.next(), this.#dice.next()];
    const delayMs = this.#dice.between(weather.delayMsMin, weather.delayMsMax);
    if (this.isCut(from, to) || loss < weather.loss) return;
    const lane = message.type === "append" || message.type === "appendReply" ? "bulk" : "prompt";
    this.#carry(link, lane, overtaking < weather.overtaking, { from, to, message, delayMs });
    if (doubling < weather.doubling) {
      this.#carry(link, lane, true, { from, to, message, delayMs: delayMs * (1 + 4 * this.#dice.next()) });
    }
  }

  #carry(
    link: string,
    lane: string,
    overtakes: boolean,
    { from, to, message, delayMs }: { from: NodeId; to: NodeId; message: RaftMessage; delayMs: number },
  ): void {
    const epoch = this.#epoch(from, to);
    let at = this.#world.nowMs + delayMs;
    if (!overtakes) {
      at = Math.max(at, this.#busyUntil.get(`${link} ${lane}`) ?? 0);
      this.#busyUntil.set(`${link} ${lane}`, at);
    }
    this.#world.after(at - this.#world.nowMs, `${link} ${message.type} term ${message.term}`, () => {
      if (this.isCut(from, to) || this.#epoch(from, to) !== epoch) return;
      const endpoint = this.#endpoints.get(to);
      endpoint?.run(() => {
        this.#tap.received(from, to, message);
        endpoint.receiver.message(from, message);
      });
    });
  }

  async #sendSnapshot(
    from: NodeId,
    to: NodeId,
    { offer, piecesFrom }: { offer: SnapshotOffer; piecesFrom: PiecesFrom },
  ): Promise<SnapshotReply> {
    const endpoint = this.#endpoints.get(to);
    const lost = (): DisterError => new DisterError("DISTER_ERR_PEER_UNREACHABLE", { peer: to, reason: "cut" });
    if (endpoint === undefined || this.isCut(from, to)) {
      await this.#pause(5, `${from}>${to} snapshot refused`);
      throw lost();
    }
    this.#world.coverage.reached("snapshot sent");
    const epochs = [this.#epoch(from, to), this.#epoch(to, from)];
    const isBroken = (): boolean =>
      this.#epoch(from, to) !== epochs[0] || this.#epoch(to, from) !== epochs[1] || this.#isEitherCut(from, to);
    const stream = new SnapshotStream();
    const asked = Promise.withResolvers<number | null>();
    const take: PiecesFrom = (first) => {
      asked.resolve(first);
      return stream;
    };
    const reply = new Promise<SnapshotReply>((resolve, reject) => {
      endpoint.run(() => void endpoint.receiver.snapshot(from, offer, take).then(resolve, reject));
    });
    reply.catch(() => undefined);
    const answered = this.#answer(reply, isBroken, stream);
    // Who is answered, or cut off, before anything was asked for has nothing to send.
    void answered.then(() => asked.resolve(null));
    try {
      const first = await asked.promise;
      const pieces = first === null ? [] : piecesFrom(first);
      for await (const chunk of pieces) {
        await this.#pause(this.#dice.between(0.5, 6), `${from}>${to} snapshot piece`);
        if (isBroken()) break;
        const piece = chunk.slice();
        endpoint.run(() => stream.push(piece));
      }
    } catch (error) {
      stream.fail(lost());
      throw error;
    }
    if (isBroken()) stream.fail(lost());
    else endpoint.run(() => stream.end());
    return answered.then((settled) => settled ?? Promise.reject(lost()));
  }

  /** The receiver's answer, or null when the connection broke before it came back. */
  async #answer(
    reply: Promise<SnapshotReply>,
    isBroken: () => boolean,
    stream: SnapshotStream,
  ): Promise<SnapshotReply | null> {
    let settled: SnapshotReply | null | undefined;
    reply.then(
      (value) => (settled = value),
      () => (settled = null),
    );
    for (;;) {
      await this.#pause(10, "snapshot answer awaited");
      if (isBroken()) {
        stream.fail(new DisterError("DISTER_ERR_PEER_UNREACHABLE", { peer: "", reason: "cut" }));
        return null;
      }
      if (settled !== undefined) return settled;
    }
  }

  #isEitherCut(a: NodeId, b: NodeId): boolean {
    return this.isCut(a, b) || this.isCut(b, a);
  }

  #pause(ms: number, label: string): Promise<void> {
    return new Promise<void>((resolve) => void this.#world.after(ms, label, resolve));
  }
}
