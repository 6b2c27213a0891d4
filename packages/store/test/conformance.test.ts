import { NO_LOGGER } from "@dister/types";
import { stateMachineConformance, stateReaderConformance } from "@dister/types/conformance";
import { MemoryStateMachine } from "@dister/types/testing";
import { describe, test } from "vitest";
import { decodeCommand, encodeCommand, openStore } from "../src/index.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const subjects = {
  "a store in a file": async () => {
    const folder = temporaryFolder();
    const subject = await openStore({ components: { logger: NO_LOGGER }, options: { path: folder.file("state.db") } });
    return { subject, cleanup: () => subject.close().finally(() => folder.remove()) };
  },
  "a store in memory": async () => {
    const subject = await openStore({ components: { logger: NO_LOGGER }, options: { path: ":memory:" } });
    return { subject, cleanup: () => subject.close() };
  },
  "the state machine in memory with the codec of the store": async () => {
    const subject = new MemoryStateMachine(decodeCommand);
    return { subject, cleanup: () => subject.close() };
  },
};

for (const [name, create] of Object.entries(subjects)) {
  describe(name, () => {
    stateMachineConformance({ test, create, encode: encodeCommand });
    stateReaderConformance({ test, create, encode: encodeCommand });
  });
}
