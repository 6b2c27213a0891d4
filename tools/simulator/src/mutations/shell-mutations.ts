import type { Mutation } from "./mutation.ts";

const SHELL = "packages/raft/src";

/** Bugs in the shell. */
export const SHELL_MUTATIONS: readonly Mutation[] = [
  {
    name: "read-shares-present-question",
    bug: "a read shares a question to the leader that is under way already",
    file: `${SHELL}/read-batches.ts`,
    find: "      this.#next.push({ resolve, reject });\n      if (this.#underWay === null) this.#start();",
    replace:
      "      (this.#underWay?.waiting ?? this.#next).push({ resolve, reject });\n      if (this.#underWay === null) this.#start();",
    seedsMax: 300,
    caughtBy: ["10-reads-see-every-commit"],
  },
  {
    name: "read-before-applied",
    bug: "a read does not wait until its index is applied here",
    file: `${SHELL}/raft-node.ts`,
    find: "    await this.whenApplied(index);\n    return index;",
    replace: "    return index;",
    seedsMax: 50,
    caughtBy: ["13-histories"],
  },
  {
    name: "deposed-leader-says-not-done",
    bug: "a deposed leader says of what waits there that it is surely not done",
    file: `${SHELL}/raft-node.ts`,
    find: [
      '    if (this.#status.role !== "leader") {',
      '      this.#proposals.rejectAll(() => new DisterError("DISTER_ERR_UNKNOWN_OUTCOME", { requestId: "of the proposal" }));',
    ].join("\n"),
    replace: [
      '    if (this.#status.role !== "leader") {',
      '      this.#proposals.rejectAll(() => new DisterError("DISTER_ERR_DROPPED"));',
    ].join("\n"),
    seedsMax: 20,
    caughtBy: ["13-histories"],
  },
  {
    name: "log-reset-before-commit",
    bug: "the log begins behind a snapshot before that is in use",
    file: `${SHELL}/raft-node.ts`,
    find: "        await this.#untilDone(sink.commit());\n",
    replace: "        await log.reset(header.position);\n        await this.#untilDone(sink.commit());\n",
    seedsMax: 20,
    caughtBy: ["12-order-of-positions", "unexpected-stop"],
  },
  {
    name: "installation-not-finished",
    bug: "a crash between 'snapshot in use' and 'log begins behind it' is not finished at the next start",
    file: `${SHELL}/start-state.ts`,
    find: "const atSnapshot = restored.index > 0 && restored.index === applied.index;",
    replace: "const atSnapshot = restored.index > applied.index;",
    seedsMax: 1_000,
    caughtBy: ["unexpected-stop"],
  },
  {
    name: "compacts-what-is-not-durable",
    bug: "the log is cut behind what is applied but not durable",
    file: `${SHELL}/compactor.ts`,
    find: "const durable = await this.#stateMachine.checkpoint();",
    replace: "const durable = this.#stateMachine.applied();",
    seedsMax: 20,
    caughtBy: ["12-order-of-positions"],
  },
];
