import type { CommandOutcome } from "../command.ts";
import type { StateMachine } from "../contracts/state-machine.ts";
import type { StateReader } from "../contracts/state-reader.ts";
import { type CommandEncoder, EntryMaker } from "./state-entries.ts";
import { type Suite, withFresh } from "./suite.ts";

/** A state that can be applied to and read. */
export type ReadableStateMachine = StateMachine<CommandOutcome> & StateReader;

/** What the suite of readers needs. */
export interface StateReaderSuite extends Suite<ReadableStateMachine> {
  /** The codec that the state machine under test reads. */
  readonly encode: CommandEncoder;
}

/** Runs each check with a fresh state machine and a maker of its entries. */
export function runner(suite: StateReaderSuite) {
  return (name: string, run: (subject: ReadableStateMachine, make: EntryMaker) => Promise<void>) =>
    suite.test(name, () => withFresh(suite, (subject) => run(subject, new EntryMaker(suite.encode))));
}
