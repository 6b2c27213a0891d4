import type { NodeId, PeerAddress } from "@dister/types";
import { badMessage } from "./byte-writer.ts";
import { Calls } from "./calls.ts";
import { FRAME_KIND, type Frame } from "./frame.ts";
import type { Handshaken, HandshakeSide } from "./handshake.ts";
import { PeerLink } from "./peer-link.ts";

/** Pings without an answer before a connection is given up, one a second; bulk may hold an answer up for a while. */
const RAFT_UNANSWERED_MAX = 5;
const REPL_UNANSWERED_MAX = 15;

/** What a peer tells its owner. */
export interface PeerEvents {
  heard(handshaken: Handshaken): void;
  up(): void;
  down(): void;
  /** False while nobody can be told. */
  bound(): boolean;
}

/**
 * One peer with the two connections that this node dials: raft for what is small and urgent, repl for log entries and
 * calls. It is up while the raft connection stands and is not in doubt.
 */
export class Peer {
  readonly id: NodeId;
  readonly raft: PeerLink;
  readonly repl: PeerLink;
  readonly calls: Calls;
  readonly #address: PeerAddress;
  readonly #events: PeerEvents;
  #up = false;
  #told = false;

  constructor(id: NodeId, address: PeerAddress, side: HandshakeSide, events: PeerEvents) {
    this.id = id;
    this.calls = new Calls(id, side.clock);
    this.#address = address;
    this.#events = events;
    const target = { host: address.host, expected: id };
    this.raft = new PeerLink({
      peer: id,
      target: { ...target, port: address.ports.raft, purpose: "raft" },
      side,
      unansweredMax: RAFT_UNANSWERED_MAX,
      events: {
        up: (handshaken) => {
          this.#events.heard(handshaken);
          this.repl.renewIfSilent();
          this.#rise();
        },
        down: () => this.#fall(),
        frame: (frame) => this.#raftFrame(frame),
      },
    });
    this.repl = new PeerLink({
      peer: id,
      target: { ...target, port: address.ports.repl, purpose: "repl" },
      side,
      unansweredMax: REPL_UNANSWERED_MAX,
      events: {
        up: (handshaken) => this.#events.heard(handshaken),
        down: (reason) => this.calls.fail(reason),
        frame: (frame) => this.#replFrame(frame),
      },
    });
  }

  get up(): boolean {
    return this.#up;
  }

  /** True when the owner was told that the peer is up, and not yet that it is down. */
  get told(): boolean {
    return this.#told;
  }

  isAt(address: PeerAddress): boolean {
    const { host, ports } = this.#address;
    return host === address.host && ports.raft === address.ports.raft && ports.repl === address.ports.repl;
  }

  /** Tells that the peer is up, if it is and that was not told yet. */
  announce(): void {
    if (!this.#up || this.#told || !this.#events.bound()) return;
    this.#told = true;
    this.#events.up();
  }

  /** The peer has connected to this node: worth a try at once. */
  poke(): void {
    this.raft.poke();
    this.repl.poke();
  }

  /** The peer's own connection to this node broke: it is down until it answers again. */
  doubt(): void {
    if (!this.#up) return;
    this.#fall();
    this.raft.ping();
  }

  /** Closes both connections, without an event, and rejects the open calls. */
  close(reason: string): void {
    this.raft.close(reason);
    this.repl.close(reason);
    this.calls.fail(reason);
  }

  #rise(): void {
    this.#up = true;
    this.announce();
  }

  #fall(): void {
    this.#up = false;
    if (!this.#told) return;
    this.#told = false;
    this.#events.down();
  }

  #raftFrame(frame: Frame): void {
    if (frame.kind !== FRAME_KIND.pong) throw badMessage(`kind ${frame.kind} came back on the raft port`);
    if (!this.#up) this.#rise();
  }

  #replFrame(frame: Frame): void {
    if (frame.kind === FRAME_KIND.answer || frame.kind === FRAME_KIND.failure) this.calls.settle(frame);
    else if (frame.kind !== FRAME_KIND.pong) throw badMessage(`kind ${frame.kind} came back on the repl port`);
  }
}
