import type { Mutation } from "./mutation.ts";

/** Bugs in the store. */
export const STORE_MUTATIONS: readonly Mutation[] = [];
