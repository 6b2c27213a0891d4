import { type Clock, isDisterError } from "@dister/types";
import { momentText } from "../commands/units.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import { type Asked, failureOf } from "../failure.ts";
import type { Io } from "../io.ts";
import type { View } from "../view.ts";
import { ChangeLines } from "./change-lines.ts";
import { JsonLines } from "./json-lines.ts";
import type { Presenter } from "./presenter.ts";
import { Screen } from "./screen.ts";

/** Between an answer and the next question. */
const EVERY_MS = 1_000;

export interface WatchComponents {
  readonly io: Io;
  readonly clock: Pick<Clock, "wallMs" | "setTimer">;
}

export interface WatchOptions {
  readonly json: boolean;
  readonly urls: readonly string[];
}

/**
 * Asks again and again and shows what changes, until a signal asks to end. A node that does not answer is shown as such and
 * asked on; so is a service that is gone.
 * @param look - asks once.
 * @throws what the first look found wrong with the question itself: then there is nothing to watch.
 */
export async function watch(
  look: (signal: AbortSignal) => Promise<View>,
  { json, urls }: WatchOptions,
  { io, clock }: WatchComponents,
): Promise<ExitCode> {
  const ending = new AbortController();
  const endListening = io.onSignal(() => ending.abort());
  const presenter = presenterFor({ json, urls }, { io, clock });
  const asked: Asked = { urls, change: false };
  try {
    for (let isFirst = true; !ending.signal.aborted; isFirst = false) {
      try {
        presenter.show(await look(ending.signal));
      } catch (error) {
        if (ending.signal.aborted) break;
        if (!isDisterError(error)) throw error;
        // No later answer will change it unless somebody does something: a name does not exist, a field is wrong.
        if (isFirst && !error.retryable) throw error;
        presenter.fail(failureOf(error, asked));
      }
      await pause(EVERY_MS, clock, ending.signal);
    }
    return EXIT.done;
  } finally {
    endListening();
  }
}

function presenterFor({ json, urls }: WatchOptions, { io, clock }: WatchComponents): Presenter {
  const now = (): string => momentText(new Date(clock.wallMs()).toISOString());
  if (json) return new JsonLines(io);
  return io.stdout.isTTY === true ? new Screen(io, now, urls.join(", ")) : new ChangeLines(io, now);
}

function pause(ms: number, clock: Pick<Clock, "setTimer">, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = (): void => {
      timer.cancel();
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = clock.setTimer(ms, end);
    signal.addEventListener("abort", end);
  });
}
