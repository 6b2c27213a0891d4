import { kindOf, type Traffic } from "./print.ts";

export interface Sent {
  readonly from: string;
  readonly to: string;
  readonly message: Traffic;
}

/** Stabilizing takes fewer messages than this, or it never ends. */
const DELIVERIES_MAX = 20_000;

/** What is on its way. Nothing arrives but by the script's word, in whatever order that says. */
export class Network {
  inFlight: Sent[] = [];
  /** Links that lose everything, as `a->b`. */
  readonly #cut = new Set<string>();
  readonly #arrive: (from: string, to: string, message: Traffic) => void;

  constructor(arrive: (from: string, to: string, message: Traffic) => void) {
    this.#arrive = arrive;
  }

  /** False when the link is cut: the message is lost. */
  post(from: string, to: string, message: Traffic): boolean {
    if (this.#cut.has(`${from}->${to}`)) return false;
    this.inFlight.push({ from, to, message });
    return true;
  }

  cut(link: string): void {
    this.#cut.add(link);
  }

  heal(): void {
    this.#cut.clear();
  }

  dropAll(which: (sent: Sent) => boolean): void {
    this.inFlight = this.inFlight.filter((sent) => !which(sent));
  }

  /** The nth message of a kind on a link, or of any kind. */
  find(link: string, kind: string | undefined, nth: number): Sent {
    const found = this.inFlight.filter(
      ({ from, to, message }) => `${from}->${to}` === link && (kind === undefined || kindOf(message) === kind),
    )[nth - 1];
    if (found === undefined) throw new Error(`no ${kind ?? "message"} on its way ${link}`);
    return found;
  }

  take(sent: Sent): void {
    this.inFlight.splice(this.inFlight.indexOf(sent), 1);
  }

  deliver(sent: Sent): void {
    this.take(sent);
    this.#arrive(sent.from, sent.to, sent.message);
  }

  /** Delivers what is on its way now, but nothing that is sent because of it. */
  deliverWhere(which: (sent: Sent) => boolean): void {
    for (const sent of this.inFlight.filter(which)) if (this.inFlight.includes(sent)) this.deliver(sent);
  }

  /** Delivers until nothing is on its way. */
  deliverEverything(): void {
    for (let count = 0; this.inFlight.length > 0; count++) {
      if (count === DELIVERIES_MAX) throw new Error("the messages never end");
      this.deliver(this.inFlight[0]!);
    }
  }
}
