export { DiskLog } from "./disk-log.ts";
export { type DumpedFile, type DumpedRecord, dumpFile } from "./dump.ts";
export { dataOffsetOf, type FileHeader, fileNameOf, type LogIdentity } from "./file-header.ts";
export { ITEM_BYTES, type Item, packItem, unpackItem } from "./item.ts";
export { NodeFileSystem } from "./node-file-system.ts";
export { type LogComponents, type LogOptions, openLog } from "./open-log.ts";
export { LOG_DEFAULTS, type LogTuning } from "./options.ts";
