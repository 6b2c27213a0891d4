/** Implementations of the contracts for tests and simulations: real, documented, and held to the same suites. */
export { ManualClock } from "./manual-clock.ts";
export { MemoryLogStore } from "./memory-log-store.ts";
export { type LinkBehaviour, MemoryNetwork } from "./memory-network.ts";
export { MemoryPeer } from "./memory-peer.ts";
export { type CommandDecoder, MemoryStateMachine } from "./memory-state-machine.ts";
export { SeededRng } from "./seeded-rng.ts";
