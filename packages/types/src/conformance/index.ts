/** Conformance suites: what every implementation of a contract must do, for any test runner. */
export type { Check, Suite, Trial } from "./suite.ts";
