import type { Mutation } from "./mutation.ts";

const LOG = "packages/log/src";

/** Bugs in the log. */
export const LOG_MUTATIONS: readonly Mutation[] = [
  {
    name: "log-says-durable-early",
    bug: "entries are called durable when they are written and not when they are synced",
    file: `${LOG}/log-writer.ts`,
    find: "if (hardState === undefined) return handle.datasync();",
    replace: "if (hardState === undefined) return void handle.datasync().catch((error: unknown) => this.fail(error));",
    seedsMax: 50,
    caughtBy: ["14-restart-identity"],
  },
  {
    name: "chain-not-seeded",
    bug: "a new file does not name the last record of the one before",
    file: `${LOG}/log-writer.ts`,
    find: "const beginning = { hardState, previousCrc: previous.chain, syncedIndex: this.#syncedIndex };",
    replace: "const beginning = { hardState, previousCrc: file.chain, syncedIndex: this.#syncedIndex };",
    seedsMax: 50,
    caughtBy: ["14-restart-identity", "unexpected-stop"],
  },
  {
    name: "directory-not-synced",
    bug: "the name of a new file is not synced",
    file: `${LOG}/file-making.ts`,
    find: "  fileSystem.rename(file.path, path);\n  fileSystem.syncDirectory(directory);\n",
    replace: "  fileSystem.rename(file.path, path);\n",
    seedsMax: 50,
    caughtBy: ["unexpected-stop", "14-restart-identity"],
  },
  {
    name: "second-copy-not-written",
    bug: "the second copy of the hard state is not kept up to date",
    file: `${LOG}/log-writer.ts`,
    find: "    this.#writeCopy(hardState, Math.min(this.#syncedIndex, rangeOf(steps)[0] - 1));\n",
    replace: "",
    seedsMax: 1_000,
    caughtBy: ["06-nothing-goes-back", "14-restart-identity"],
  },
  {
    name: "damage-not-marked",
    bug: "a log that is cut before damage does not note what it lost",
    file: `${LOG}/quarantine.ts`,
    find: "const suspect = { index, term: before.hardState.term };",
    replace: "const suspect = { index: Math.min(index, damage.lastIndex), term: before.hardState.term };",
    seedsMax: 100,
    caughtBy: ["14-restart-identity"],
  },
];
