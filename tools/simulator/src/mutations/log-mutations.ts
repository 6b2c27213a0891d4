import type { Mutation } from "./mutation.ts";

/** Bugs in the log. */
export const LOG_MUTATIONS: readonly Mutation[] = [];
