import type { Mutation } from "./mutation.ts";

/** Bugs in the shell. */
export const SHELL_MUTATIONS: readonly Mutation[] = [];
