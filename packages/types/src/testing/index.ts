/** Implementations of the contracts for tests and simulations: real, documented, and held to the same suites. */
export { ManualClock } from "./manual-clock.ts";
export { type FileOperation, type InjectedFault, MemoryFileSystem } from "./memory-file-system.ts";
export { type CrashChoice, type NameChange, SECTOR_BYTES } from "./memory-inode.ts";
export { MemoryLogStore } from "./memory-log-store.ts";
export { type LinkBehaviour, MemoryNetwork } from "./memory-network.ts";
export { MemoryPeer } from "./memory-peer.ts";
export { type CommandDecoder, MemoryStateMachine } from "./memory-state-machine.ts";
export { SeededRng } from "./seeded-rng.ts";
export { serviceOf } from "./service-of.ts";
