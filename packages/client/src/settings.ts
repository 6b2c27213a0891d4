import { type Clock, DEFAULT_PORTS, DisterError, type Rng } from "@dister/types";

/** How to reach a cluster. */
export interface ClientOptions {
  /**
   * Addresses of nodes' APIs, default `http://127.0.0.1:4168`. Any one node serves every call; further ones are asked
   * when that one cannot be reached or cannot serve just now. The one that answered last is asked first.
   */
  readonly urls?: string | readonly string[];
  /**
   * Limit of one call with all its retries, in milliseconds from 1 to 2,147,483,647, default 10,000. With several urls
   * each attempt has an equal share of it, so that one silent node does not use up the time of the others. Below a few
   * seconds, calls do not outlast an election.
   */
  readonly timeoutMs?: number;
  /** Attempts after the first, default 8; 0 asks one node once. */
  readonly retries?: number;
  /** In place of the platform's own. */
  readonly fetch?: typeof globalThis.fetch;
}

/** What the client gets from outside; what is left out is the platform's own. */
export interface ClientComponents {
  readonly clock?: Pick<Clock, "nowMs" | "setTimer">;
  readonly rng?: Pick<Rng, "next">;
}

/** Settings, checked and complete. Addresses have no slash at the end. */
export interface Settings {
  readonly urls: readonly string[];
  readonly timeoutMs: number;
  readonly retries: number;
  readonly fetch: typeof globalThis.fetch;
  readonly clock: Pick<Clock, "nowMs" | "setTimer">;
  readonly rng: Pick<Rng, "next">;
}

const DEFAULTS = Object.freeze({
  urls: `http://127.0.0.1:${DEFAULT_PORTS.api}`,
  timeoutMs: 10_000,
  retries: 8,
});

const TIMER_MS_MAX = 2_147_483_647;

/** Time and randomness of any platform that has fetch; the ones of `@dister/types/system` need Node. */
const platform: Required<ClientComponents> = {
  clock: {
    nowMs: () => performance.now(),
    setTimer(delayMs, fire) {
      const timer = setTimeout(fire, delayMs);
      return { cancel: () => clearTimeout(timer) };
    },
  },
  rng: { next: () => Math.random() },
};

/** @throws DisterError `DISTER_ERR_INVALID` naming the option. */
export function settingsOf(options: ClientOptions, components: ClientComponents): Settings {
  const urls = [options.urls ?? DEFAULTS.urls].flat();
  if (urls.length === 0) throw invalid("urls", "an empty list", "at least one address");
  const retries = options.retries ?? DEFAULTS.retries;
  if (!Number.isSafeInteger(retries) || retries < 0) {
    throw invalid("retries", String(retries), "a whole number from 0");
  }
  return {
    urls: urls.map((url, position) => baseOf(url, `urls.${position}`)),
    timeoutMs: checkedTimeout(options.timeoutMs ?? DEFAULTS.timeoutMs),
    retries,
    // Looked up at every call and called without a receiver, which browsers insist on.
    fetch: options.fetch ?? ((input, init) => globalThis.fetch(input, init)),
    clock: components.clock ?? platform.clock,
    rng: components.rng ?? platform.rng,
  };
}

/** @throws DisterError `DISTER_ERR_INVALID`. */
export function checkedTimeout(timeoutMs: number): number {
  if (timeoutMs >= 1 && timeoutMs <= TIMER_MS_MAX) return timeoutMs;
  throw invalid("timeoutMs", String(timeoutMs), `milliseconds from 1 to ${TIMER_MS_MAX}`);
}

export function invalid(field: string, got: string, allowed: string): DisterError {
  return new DisterError("DISTER_ERR_INVALID", { field, got, allowed });
}

/**
 * A name that goes into a query: an empty one would ask for the whole list, and half of a surrogate pair would reach the
 * node as another character.
 */
export function checkedName(name: string, field = "name"): string {
  if (typeof name === "string" && name !== "" && name.isWellFormed()) return name;
  throw invalid(field, typeof name === "string" ? JSON.stringify(name.slice(0, 80)) : typeof name, "well-formed text");
}

function baseOf(text: string, field: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const usable =
    (url?.protocol === "http:" || url?.protocol === "https:") &&
    url.username === "" &&
    url.password === "" &&
    url.search === "" &&
    url.hash === "";
  // What came is not repeated: it may hold a password.
  if (!usable) throw invalid(field, "another text", "an http or https address without user, query and fragment");
  return url.origin + url.pathname.replace(/\/+$/, "");
}
