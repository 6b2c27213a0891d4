import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type FileSystem, NO_LOGGER } from "@dister/types";
import { fileSystemConformance, logStoreConformance } from "@dister/types/conformance";
import { MemoryFileSystem, MemoryLogStore } from "@dister/types/testing";
import { describe, test } from "vitest";
import { type DiskLog, NodeFileSystem, openLog } from "../src/index.ts";

const IDENTITY = { group: "test", nodeId: "00000000000000AB", clusterId: "" };

function openIn(fileSystem: FileSystem, directory: string): Promise<DiskLog> {
  return openLog({
    components: { fileSystem, logger: NO_LOGGER },
    options: { directory, identity: IDENTITY, entriesPerFile: 10, preallocateBytes: 4096, cacheBytes: 0 },
  });
}

function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), "dister-log-"));
}

describe("MemoryLogStore", () => {
  logStoreConformance({
    test,
    create: async () => {
      const subject = new MemoryLogStore();
      return { subject, cleanup: () => subject.close() };
    },
    restart: async (closed) => {
      (closed as MemoryLogStore).crash();
      return closed;
    },
  });
});

describe("DiskLog on a file system in memory", () => {
  let fileSystem = new MemoryFileSystem();
  logStoreConformance({
    test,
    create: async () => {
      fileSystem = new MemoryFileSystem();
      const subject = await openIn(fileSystem, "/log");
      return { subject, cleanup: () => subject.close() };
    },
    restart: () => openIn(fileSystem, "/log"),
  });
});

describe("DiskLog on the disk", () => {
  let folder = "";
  logStoreConformance({
    test,
    create: async () => {
      folder = temporaryFolder();
      const made = folder;
      const subject = await openIn(new NodeFileSystem(), join(folder, "log"));
      return {
        subject,
        cleanup: async () => {
          await subject.close();
          rmSync(made, { recursive: true });
        },
      };
    },
    restart: () => openIn(new NodeFileSystem(), join(folder, "log")),
  });
});

describe("MemoryFileSystem", () => {
  fileSystemConformance({
    test,
    create: async () => {
      const fileSystem = new MemoryFileSystem();
      fileSystem.makeDirectory("/folder");
      return { subject: { fileSystem, folder: "/folder" }, cleanup: async () => {} };
    },
  });
});

describe("NodeFileSystem", () => {
  fileSystemConformance({
    test,
    create: async () => {
      const folder = temporaryFolder();
      return {
        subject: { fileSystem: new NodeFileSystem(), folder },
        cleanup: async () => rmSync(folder, { recursive: true }),
      };
    },
  });
});
