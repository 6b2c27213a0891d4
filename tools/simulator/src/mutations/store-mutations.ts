import type { Mutation } from "./mutation.ts";

const STORE = "packages/store/src";

/** Bugs in the store. */
export const STORE_MUTATIONS: readonly Mutation[] = [
  {
    name: "requests-not-in-snapshot",
    bug: "request ids do not come with a snapshot",
    file: `${STORE}/snapshot-filler.ts`,
    find: "        this.#state.request(record.row);\n        this.#tables.requestInsert(record.row);\n",
    replace: "",
    seedsMax: 20,
    caughtBy: ["05-state-machine-safety", "11-applied-once"],
  },
  {
    name: "position-only-with-changes",
    bug: "the applied position is not written with entries that change nothing",
    file: `${STORE}/apply.ts`,
    find: "    this.#tables.positionsPut(this.#state);\n",
    replace: "    if (this.events.length > 0) this.#tables.positionsPut(this.#state);\n",
    seedsMax: 50,
    caughtBy: ["06-nothing-goes-back", "12-order-of-positions", "exception"],
  },
  {
    name: "log-time-goes-back",
    bug: "request ids expire by the time of the newest command, which a wrong clock sets back and forth",
    file: `${STORE}/apply.ts`,
    find: "this.#state.logTimeMs = Math.max(this.#state.logTimeMs, timeMs);",
    replace: "this.#state.logTimeMs = timeMs;",
    seedsMax: 20,
    caughtBy: ["liveness", "05-state-machine-safety"],
  },
  {
    name: "depends-on-batches",
    bug: "what is written for a key depends on how the entries are cut into batches",
    file: `${STORE}/apply.ts`,
    find: "const record = this.#tables.kvPut(key, value, this.#state.applied.index);",
    replace: "const record = this.#tables.kvPut(key, value, this.#state.applied.index - this.events.length);",
    seedsMax: 20,
    caughtBy: ["05-state-machine-safety"],
  },
  {
    name: "changes-in-reverse",
    bug: "the changes of a batch are told with the newest first",
    file: `${STORE}/apply.ts`,
    find: "return { outcomes, events: run.events };",
    replace: "return { outcomes, events: run.events.toReversed() };",
    seedsMax: 20,
    caughtBy: ["13-change-streams"],
  },
  {
    name: "deletes-of-nothing-count",
    bug: "deleting a key that is not there counts",
    file: `${STORE}/apply.ts`,
    find: "      if (!this.#tables.kvDelete(key)) continue;\n      this.#state.kvCount--;\n",
    replace: "      this.#tables.kvDelete(key);\n      this.#state.kvCount--;\n",
    seedsMax: 20,
    caughtBy: ["exception", "13-change-streams"],
  },
];
