import { DisterError } from "@dister/types";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Capture } from "../../test/capture.ts";
import { Refusal } from "../failure.ts";
import type { Io } from "../io.ts";
import type { View } from "../view.ts";
import { watch } from "./watch.ts";

const URLS = ["http://10.0.0.1:4168"];
const NOON_MS = Date.UTC(2026, 10, 22, 12, 0, 0, 500);

/** Time that goes on by a second whenever somebody waits for it, and answers that are given in order. */
class Scene {
  readonly io: Capture;
  nowMs = NOON_MS;
  asked = 0;
  readonly #answers: (View | Error)[];

  constructor(
    terminal: { readonly rows?: number; readonly columns?: number } | undefined,
    ...answers: (View | Error)[]
  ) {
    this.io = new Capture();
    if (terminal !== undefined) Object.assign(this.io.stdout, { isTTY: true, ...terminal });
    this.#answers = answers;
  }

  /** Watches until there are no more answers; then the signal comes. */
  run(json = false): Promise<number> {
    const look = (): Promise<View> => {
      const answer = this.#answers[this.asked]!;
      this.asked++;
      if (this.asked === this.#answers.length) queueMicrotask(() => this.io.signal());
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
    };
    const setTimer = (ms: number, fire: () => void) => {
      this.nowMs += ms;
      const immediate = setImmediate(fire);
      return { cancel: () => clearImmediate(immediate) };
    };
    const io: Io = this.io;
    return watch(look, { json, urls: URLS }, { io, clock: { wallMs: () => this.nowMs, setTimer } });
  }
}

const view = (rows: Record<string, string>, more: Partial<View> = {}): View => ({
  data: rows,
  heading: `${Object.keys(rows).length} rows`,
  columns: [{ title: "Id" }, { title: "State" }],
  rows: Object.entries(rows).map(([key, state]) => ({ key, cells: [key, state] })),
  ...more,
});
const gone = new DisterError("DISTER_ERR_PEER_UNREACHABLE", { peer: URLS[0]!, reason: "ECONNREFUSED" });
const silent = (timeoutMs: number) => new DisterError("DISTER_ERR_TIMEOUT", { what: "GET /service", timeoutMs });

let scene: Scene;
beforeEach(() => {
  scene = new Scene(undefined);
});
// Whoever still listened would keep a signal from ending the process.
afterEach(() => expect(scene.io.listeners).toBe(0));

describe("a watch of a pipe", () => {
  test("shows the whole first, then each row that is new, another or gone, with the time", async () => {
    const other = { a: "draining", b: "passing", c: "unknown" };
    scene = new Scene(
      undefined,
      view({ a: "passing", b: "passing" }),
      view(other),
      view(other),
      view({ a: "draining" }),
    );
    expect(await scene.run()).toBe(0);
    expect(scene.io.out.split("\n")).toEqual([
      "2 rows",
      "",
      "Id  State",
      "a   passing",
      "b   passing",
      "2026-11-22T12:00:01Z now 3 rows",
      "2026-11-22T12:00:01Z now a   draining",
      "2026-11-22T12:00:01Z new c   unknown",
      "2026-11-22T12:00:03Z now 1 rows",
      "2026-11-22T12:00:03Z gone b   passing",
      "2026-11-22T12:00:03Z gone c   unknown",
      "",
    ]);
    expect(scene.io.err).toBe("");
  });

  test("a figure that is measured anew each time is no change, nor is what stands below", async () => {
    const measured = (ms: string, state = "passing") =>
      view({ a: ms }, { rows: [{ key: "a", cells: [ms, state], compared: state }], below: [`drew ${ms}`] });
    scene = new Scene(undefined, measured("1 ms"), measured("2 ms"), measured("3 ms", "critical"));
    expect(await scene.run()).toBe(0);
    expect(scene.io.out.split("\n").slice(5)).toEqual(["drew 1 ms", "2026-11-22T12:00:02Z now 3 ms  critical", ""]);
  });

  test("tells once on standard error that nobody answers and that somebody does again, and goes on", async () => {
    scene = new Scene(
      undefined,
      gone,
      gone,
      view({ a: "passing" }),
      silent(1_999),
      silent(1_998),
      view({ a: "critical" }),
      view({ a: "critical" }),
    );
    expect(await scene.run()).toBe(0);
    expect(scene.io.err.split("\n")).toEqual([
      "2026-11-22T12:00:00Z ERROR: connect to dister api failed; asked http://10.0.0.1:4168: ECONNREFUSED",
      "2026-11-22T12:00:02Z answers again",
      "2026-11-22T12:00:03Z ERROR: GET /service took longer than 1999 ms",
      "2026-11-22T12:00:05Z answers again",
      "",
    ]);
    expect(scene.io.out).toMatch(/\n2026-11-22T12:00:05Z now a {3}critical\n$/);
  });

  test("goes on when a service is removed while it is watched", async () => {
    const notFound = new DisterError("DISTER_ERR_SERVICE_NOT_FOUND", { name: "web" });
    scene = new Scene(undefined, view({ a: "passing" }), notFound, view({ a: "passing" }));
    expect(await scene.run()).toBe(0);
    expect(scene.io.err).toContain("ERROR: no service named 'web'\n");
  });

  test("tells once that a client node answers without a server, and when it has one again", async () => {
    const stale = (ageMs: number) => view({ a: "passing" }, { marks: { stale: true, ageMs } });
    scene = new Scene(undefined, view({ a: "passing" }), stale(5_000), stale(6_000), view({ a: "passing" }));
    await scene.run();
    const old = "may be old: the client node that answers is connected to no server; nothing was missing 5.0 s ago";
    expect(scene.io.out.split("\n").slice(4)).toEqual([
      `2026-11-22T12:00:01Z now ${old}`,
      "2026-11-22T12:00:03Z now not old any more: a server is connected",
      "",
    ]);
  });

  test("control characters cannot steer the terminal that it may end up in", async () => {
    scene = new Scene(undefined, view({ a: "1" }), view({ a: "\u001b[2J" }, { heading: "\u001b]0;x" }));
    await scene.run();
    expect(scene.io.out).not.toContain("\u001b");
    expect(scene.io.out).toContain("now a   \\u001b[2J");
  });
});

describe("a watch ends at once", () => {
  test.each([
    new DisterError("DISTER_ERR_SERVICE_NOT_FOUND", { name: "web" }),
    new Refusal("DISTER_ERR_INVALID", "wrong", 2),
    new TypeError("a bug"),
  ])("when the first question is wrong: %s", async (error) => {
    scene = new Scene(undefined, error, view({}));
    await expect(scene.run()).rejects.toBe(error);
    expect([scene.asked, scene.io.out]).toEqual([1, ""]);
  });

  test("on a bug, however late", async () => {
    const bug = new TypeError("a bug");
    scene = new Scene(undefined, view({}), bug, view({}));
    await expect(scene.run()).rejects.toBe(bug);
  });

  test("on a signal while it asks", async () => {
    const io = new Capture();
    const never = (signal: AbortSignal): Promise<View> =>
      new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    const clock = { wallMs: () => NOON_MS, setTimer: () => ({ cancel: () => {} }) };
    const ended = watch(never, { json: false, urls: URLS }, { io, clock });
    io.signal();
    expect(await ended).toBe(0);
    expect([io.out, io.err, io.listeners]).toEqual(["", "", 0]);
  });

  test("on a signal while it waits", async () => {
    const io = new Capture();
    const timers = { set: 0, cancelled: 0 };
    const clock = {
      wallMs: () => NOON_MS,
      setTimer: () => {
        timers.set++;
        queueMicrotask(() => io.signal());
        return { cancel: () => void timers.cancelled++ };
      },
    };
    expect(await watch(async () => view({}), { json: false, urls: URLS }, { io, clock })).toBe(0);
    expect(timers).toEqual({ set: 1, cancelled: 1 });
  });
});

describe("a watch with --json", () => {
  test("has one document in a line for each change, and one for a failure when it begins", async () => {
    const [a, b] = [view({ a: "passing" }), view({ a: "critical" })];
    scene = new Scene(undefined, a, a, b, gone, gone, b);
    expect(await scene.run(true)).toBe(0);
    const documents = scene.io.out.trimEnd().split("\n");
    expect(documents.map((line) => JSON.parse(line))).toEqual([
      { result: 1, message: "ok", data: { a: "passing" } },
      { result: 1, message: "ok", data: { a: "critical" } },
      { result: 0, message: "connect to dister api failed", code: "DISTER_ERR_PEER_UNREACHABLE" },
      { result: 1, message: "ok", data: { a: "critical" } },
    ]);
    expect(scene.io.err).toBe("");
  });

  test("says in the document what the node said of its age, and a growing age is no change", async () => {
    const stale = (ageMs: number) => view({}, { marks: { stale: true, ageMs } });
    scene = new Scene(undefined, stale(5_000), stale(6_000), view({}));
    await scene.run(true);
    expect(scene.io.out.trimEnd().split("\n")).toEqual([
      '{"result":1,"message":"ok","data":{},"stale":true,"ageMs":5000}',
      '{"result":1,"message":"ok","data":{}}',
    ]);
  });

  test("shows a change of the data that the table does not show", async () => {
    scene = new Scene(undefined, view({ a: "passing" }), view({ a: "passing" }, { data: { meta: 2 } }));
    await scene.run(true);
    expect(scene.io.out.trimEnd().split("\n")).toHaveLength(2);
  });

  test("a figure that is measured anew each time is no change", async () => {
    const measured = (ms: number) => view({}, { data: { ms }, rows: [{ key: "a", cells: [`${ms}`], compared: "a" }] });
    scene = new Scene(undefined, measured(1), measured(2));
    await scene.run(true);
    expect(scene.io.out).toBe('{"result":1,"message":"ok","data":{"ms":1}}\n');
  });
});

/** Frames as a terminal would show them: each one overwrites what was there. */
function frames(out: string): string[][] {
  const parts = out.split("\u001b[?7h");
  expect(parts.pop()).toBe("");
  return parts.map((part, position) => {
    const start = `${position === 0 ? "\u001b[2J" : ""}\u001b[?7l\u001b[H`;
    expect(part.startsWith(start)).toBe(true);
    expect(part.endsWith("\u001b[K\n\u001b[J")).toBe(true);
    return part.slice(start.length, -"\u001b[K\n\u001b[J".length).split("\u001b[K\n");
  });
}

describe("a watch on a terminal", () => {
  const HEAD = "asks http://10.0.0.1:4168 every second; changed 2026-11-22T12:00:00Z; Ctrl-C ends";

  test("draws the newest over what was there, and only when something is another", async () => {
    scene = new Scene({ rows: 24 }, view({ a: "passing" }), view({ a: "passing" }), view({ a: "critical" }));
    expect(await scene.run()).toBe(0);
    expect(frames(scene.io.out)).toEqual([
      [HEAD, "", "1 rows", "", "Id  State", "a   passing"],
      [HEAD.replace("12:00:00Z", "12:00:02Z"), "", "1 rows", "", "Id  State", "a   critical"],
    ]);
  });

  test("keeps what it knows while nobody answers, says since when, and forgets that when somebody does", async () => {
    scene = new Scene({ rows: 24 }, view({ a: "passing" }), silent(2_000), gone, view({ a: "passing" }));
    await scene.run();
    const known = ["", "1 rows", "", "Id  State", "a   passing"];
    const since = "since 2026-11-22T12:00:01Z";
    const old = "below is what was answered before";
    const refused = "ERROR: connect to dister api failed; asked http://10.0.0.1:4168: ECONNREFUSED";
    expect(frames(scene.io.out)).toEqual([
      [HEAD, ...known],
      [HEAD, `${since}: ERROR: GET /service took longer than 2000 ms; ${old}`, ...known],
      [HEAD, `${since}: ${refused}; ${old}`, ...known],
      [HEAD, ...known],
    ]);
    expect(scene.io.err).toBe("");
  });

  test("says that nobody answers when nobody ever has", async () => {
    scene = new Scene({ rows: 24 }, gone, view({}));
    await scene.run();
    expect(frames(scene.io.out)[0]).toEqual([
      "asks http://10.0.0.1:4168 every second; Ctrl-C ends",
      "since 2026-11-22T12:00:00Z: ERROR: connect to dister api failed; asked http://10.0.0.1:4168: ECONNREFUSED",
    ]);
  });

  test("shows the age of what a client node without a server answers, as it grows", async () => {
    const stale = (ageMs: number) => view({ a: "1" }, { marks: { stale: true, ageMs } });
    scene = new Scene({ rows: 24 }, stale(5_000), stale(6_000));
    await scene.run();
    expect(frames(scene.io.out).map((frame) => frame.at(-1))).toEqual([
      expect.stringMatching(/^may be old: .* nothing was missing 5\.0 s ago$/),
      expect.stringMatching(/^may be old: .* nothing was missing 6\.0 s ago$/),
    ]);
  });

  test.each([
    [{ rows: 5 }, 4],
    [{ rows: 1 }, 2],
    [{ rows: 0 }, 23],
    [{}, 23],
  ])("of %j shows %d lines at most, and says how many more there are", async (terminal, shown) => {
    const many = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`i${i}`, "passing"]));
    scene = new Scene(terminal, view(many), view(many));
    await scene.run();
    const [frame] = frames(scene.io.out);
    expect(frame).toHaveLength(shown);
    expect(frame!.at(-1)).toBe(`${45 - (shown - 1)} more lines than the terminal has`);
  });

  test.each<[number, number, string[]]>([
    [20, 24, ["Id  State", "a   passing for long", "b   critical", ""]],
    [19, 24, ["Id  State", "a   passing for long", "b   critical", "longer lines than the terminal has"]],
    [19, 7, ["Id  State", "2 more lines, and longer ones, than the terminal has"]],
    [0, 24, ["Id  State", "a   passing for long", "b   critical", ""]],
  ])("of %d columns and %d rows says when lines are cut off", async (columns, rows, shown) => {
    const rowsOf = view({ a: "passing for long", b: "critical" });
    scene = new Scene({ rows, columns }, rowsOf, rowsOf);
    await scene.run();
    expect(frames(scene.io.out)).toEqual([[HEAD, "", "2 rows", "", ...shown.filter((line) => line !== "")]]);
  });

  test("draws again when it became wider, for it showed less", async () => {
    const terminal = { rows: 24, columns: 100 };
    scene = new Scene(terminal, view({ a: "1" }), view({ a: "1" }), view({ a: "1" }));
    const write = scene.io.stdout.write.bind(scene.io.stdout);
    Object.assign(scene.io.stdout, {
      write: (text: string) => {
        write(text);
        Object.assign(scene.io.stdout, { columns: 200 });
      },
    });
    await scene.run();
    expect(frames(scene.io.out)).toHaveLength(2);
  });

  test("draws again when its size changed", async () => {
    const terminal = { rows: 24 };
    scene = new Scene(terminal, view({ a: "1" }), view({ a: "1" }), view({ a: "1" }));
    const write = scene.io.stdout.write.bind(scene.io.stdout);
    Object.assign(scene.io.stdout, {
      write: (text: string) => {
        write(text);
        Object.assign(scene.io.stdout, { rows: 4 });
      },
    });
    await scene.run();
    expect(frames(scene.io.out).map((frame) => frame.length)).toEqual([6, 3]);
  });
});
