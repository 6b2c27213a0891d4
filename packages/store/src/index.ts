/** The state machine of dister in SQLite, and the codec of its commands. */
export { type BackupTarget, inspectBackup, restoreBackup, type SoundBackup } from "./backup.ts";
export { type BackupFacts, backupStream } from "./backup-stream.ts";
export { decodeCommand, encodeCommand } from "./command-codec.ts";
export { stateHash } from "./state-hash.ts";
export { commandStateVersion, STATE_VERSION } from "./state-version.ts";
export { openStore, STORE_DEFAULTS, type Store, type StoreComponents, type StoreOptions } from "./store.ts";
