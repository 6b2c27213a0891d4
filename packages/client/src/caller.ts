import { DisterError, LIMITS, type ReplyMarks } from "@dister/types";
import { networkOutcome, type Outcome, outcomeOf } from "./reply.ts";
import { checkedTimeout, invalid, type Settings } from "./settings.ts";

/** What every call may be given. */
export interface CallOptions {
  /** Ends the call: the promise rejects with the signal's reason. A write may be carried out all the same. */
  readonly signal?: AbortSignal;
  /** In place of the client's. */
  readonly timeoutMs?: number;
}

/** What a read of keys and services may be given. */
export interface MarkedOptions extends CallOptions {
  /**
   * Hears, before the call resolves, where the value comes from when it is not the state of a member (`cached` or `stale`,
   * with `ageMs` and `logid`), and whether a service of it is `protected`.
   */
  readonly onMarks?: (marks: ReplyMarks) => void;
}

/** What every write may be given. */
export interface WriteOptions extends CallOptions {
  /**
   * Id of the request, 1 to 128 visible ASCII characters; made anew for every call when left out. Repeating a write of
   * keys or services with the id of one whose outcome is unknown never applies it twice, for about 15 minutes.
   */
  readonly requestId?: string;
}

/** One call of the API. */
export interface Call {
  readonly method: "GET" | "POST" | "DELETE";
  /** With the leading slash. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  /** JSON text. */
  readonly body?: string;
  /** Milliseconds for which the node was asked to hold its answer back; they come on top of every limit. */
  readonly holdMs?: number;
}

/** The first pause, doubled each time up to the longest. Before each, every url has been tried once more. */
const PAUSE_MS_FIRST = 50;
const PAUSE_MS_MAX = 1_000;

/** Why an attempt was ended by its own time limit; compared by identity. */
const TIME_OVER = Object.freeze(new Error("time over"));

/** Carries out calls: attempts, fail-over, back-off and limits. */
export class Caller {
  readonly #settings: Settings;
  /** Position of the url that answered last. */
  #preferred = 0;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  /** Asks what changes nothing and returns the data of the reply. */
  read(call: Call, options: MarkedOptions = {}): Promise<unknown> {
    return this.#run(call, options, undefined);
  }

  /** Asks for a change and returns the data of the reply. Every attempt carries the same request id. */
  write(call: Call, options: WriteOptions = {}): Promise<unknown> {
    return this.#run(call, options, checkedId(options.requestId ?? newRequestId()));
  }

  /** Asks one node once and returns whatever came of it. */
  async askOnce(call: Call, options: CallOptions = {}): Promise<Outcome> {
    const timeoutMs = checkedTimeout(options.timeoutMs ?? this.#settings.timeoutMs);
    return this.#attempt(this.#settings.urls[this.#preferred]!, call, { ...options, timeoutMs });
  }

  /**
   * Asks what is answered by a stream of bytes, which is not read here. Limits and retries end when it begins.
   * @throws DisterError as {@link Caller.read}.
   */
  async open(call: Call, options: CallOptions = {}): Promise<{ readonly url: string; readonly response: Response }> {
    const take: Take = async (url, response) =>
      isStream(response) ? { kind: "data", data: { url, response }, marks: {} } : textOutcome(url, response);
    return (await this.#run(call, options, undefined, take)) as { url: string; response: Response };
  }

  async #run(
    call: Call,
    options: MarkedOptions,
    requestId: string | undefined,
    take: Take = textOutcome,
  ): Promise<unknown> {
    const { urls, retries, clock } = this.#settings;
    const timeoutMs = checkedTimeout(options.timeoutMs ?? this.#settings.timeoutMs);
    const holdMs = call.holdMs ?? 0;
    const deadlineMs = clock.nowMs() + timeoutMs + holdMs;
    const shareMs = timeoutMs / Math.min(urls.length, retries + 1) + holdMs;
    const first = this.#preferred;
    let maybeDone = false;
    for (let attempt = 0; ; attempt++) {
      const position = (first + attempt) % urls.length;
      const limitMs = Math.min(shareMs, deadlineMs - clock.nowMs());
      const limits = { ...options, timeoutMs: limitMs, requestId, take };
      const outcome = await this.#attempt(urls[position]!, call, limits);
      if (outcome.kind === "data" || !outcome.again) this.#preferred = position;
      if (outcome.kind === "data") {
        options.onMarks?.(outcome.marks);
        return outcome.data;
      }
      if (!outcome.again) throw honest(outcome.error, maybeDone, requestId);
      maybeDone ||= outcome.maybeDone;

      const pauseMs = this.#pauseAfter(attempt);
      const over = attempt >= retries || clock.nowMs() + pauseMs >= deadlineMs;
      if (over) throw honest(outcome.error, maybeDone, requestId);
      await this.#pause(pauseMs, options.signal);
    }
  }

  /** Another url is asked at once; only when all have been asked it is worth waiting. */
  #pauseAfter(attempt: number): number {
    const { urls, rng } = this.#settings;
    if ((attempt + 1) % urls.length !== 0) return 0;
    const round = Math.floor(attempt / urls.length);
    // Half fixed, half random, so that many clients do not come back in the same moment.
    return Math.min(PAUSE_MS_FIRST * 2 ** round, PAUSE_MS_MAX) * (0.5 + rng.next() * 0.5);
  }

  async #attempt(
    url: string,
    call: Call,
    limits: CallOptions & {
      readonly timeoutMs: number;
      readonly requestId?: string | undefined;
      readonly take?: Take;
    },
  ): Promise<Outcome> {
    const { signal, timeoutMs, requestId, take = textOutcome } = limits;
    signal?.throwIfAborted();
    const controller = new AbortController();
    const timer = this.#settings.clock.setTimer(timeoutMs, () => controller.abort(TIME_OVER));
    const abort = (): void => controller.abort(signal?.reason);
    signal?.addEventListener("abort", abort);
    try {
      const response = await this.#settings.fetch(addressOf(url, call), {
        method: call.method,
        headers: {
          accept: "application/json",
          ...(call.body === undefined ? {} : { "content-type": "application/json" }),
          ...(requestId === undefined ? {} : { "x-request-id": requestId }),
        },
        ...(call.body === undefined ? {} : { body: call.body }),
        signal: controller.signal,
        redirect: "error",
        cache: "no-store",
        credentials: "omit",
      });
      return await take(url, response);
    } catch (thrown) {
      signal?.throwIfAborted();
      if (controller.signal.reason !== TIME_OVER) return networkOutcome(url, thrown);
      const what = `${call.method} ${call.path}`;
      const error = new DisterError("DISTER_ERR_TIMEOUT", { what, timeoutMs: Math.round(timeoutMs) });
      return { kind: "error", error, again: true, maybeDone: true, data: undefined };
    } finally {
      timer.cancel();
      signal?.removeEventListener("abort", abort);
    }
  }

  #pause(pauseMs: number, signal: AbortSignal | undefined): Promise<void> {
    if (pauseMs === 0 || signal?.aborted === true) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        timer.cancel();
        reject(signal?.reason);
      };
      const timer = this.#settings.clock.setTimer(pauseMs, () => {
        signal?.removeEventListener("abort", abort);
        resolve();
      });
      signal?.addEventListener("abort", abort, { once: true });
    });
  }
}

/** Makes an outcome of a response whose head has come. */
type Take = (url: string, response: Response) => Promise<Outcome>;

const textOutcome: Take = async (url, response) => outcomeOf(url, response.status, await response.text());

function isStream({ ok, headers, body }: Response): boolean {
  return ok && body !== null && headers.get("content-type") === "application/octet-stream";
}

/** The error of a call. A refusal says nothing of an earlier attempt that may have gone through. */
function honest(error: DisterError, maybeDone: boolean, requestId: string | undefined): DisterError {
  if (requestId === undefined || !maybeDone) return error;
  return new DisterError("DISTER_ERR_UNKNOWN_OUTCOME", { requestId }, { cause: error });
}

function addressOf(url: string, { path, query = {} }: Call): string {
  const pairs = Object.entries(query).filter(([, value]) => value !== undefined);
  const search = pairs.map(([name, value]) => `${name}=${encodeURIComponent(value!)}`).join("&");
  return url + path + (search === "" ? "" : `?${search}`);
}

/** Unique without any agreement: 122 random bits. */
function newRequestId(): string {
  // Browsers have randomUUID on secure pages only.
  if (typeof crypto.randomUUID === "function") return crypto.randomUUID();
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function checkedId(requestId: string): string {
  if (/^[\x21-\x7e]+$/.test(requestId) && requestId.length <= LIMITS.requestIdCharsMax) return requestId;
  const allowed = `1 to ${LIMITS.requestIdCharsMax} visible ASCII characters`;
  throw invalid("requestId", JSON.stringify(requestId.slice(0, 80)), allowed);
}
