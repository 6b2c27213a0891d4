import { CORE_MUTATIONS } from "./core-mutations.ts";
import { LOG_MUTATIONS } from "./log-mutations.ts";
import type { Mutation } from "./mutation.ts";
import { SHELL_MUTATIONS } from "./shell-mutations.ts";
import { STORE_MUTATIONS } from "./store-mutations.ts";

/** Every bug that is planted. */
export const MUTATIONS: readonly Mutation[] = [
  ...CORE_MUTATIONS,
  ...SHELL_MUTATIONS,
  ...LOG_MUTATIONS,
  ...STORE_MUTATIONS,
];
