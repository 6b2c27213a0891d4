import { SECTOR_BYTES } from "@dister/types/testing";
import type { Cluster } from "../world/cluster.ts";
import { USUAL_DISK } from "../world/disk.ts";
import type { Machine } from "../world/machine.ts";
import type { DoFault } from "./do-fault.ts";
import type { Fault } from "./plan.ts";
import { whomOf } from "./process-faults.ts";

const FOLDER = "/data/log";
const LOG_FILE = /^\d+\.dlog$/;
/** No record of a run is much longer. */
const RECORD_BYTES_USUAL = 128;

function slow(cluster: Cluster, fault: Fault, syncMsMax: number): void {
  const { disk, name } = whomOf(cluster, fault);
  disk.setSpeed({ syncMsMin: syncMsMax / 4, syncMsMax });
  cluster.world.after(fault.forMs, `disk of ${name} is fast again`, () => disk.setSpeed(USUAL_DISK));
}

/** Offset behind the last byte that is not zero: behind what was ever written there is nothing to damage. */
function endOf(bytes: Uint8Array): number {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  return end;
}

/** Bytes of a file, and what stands from an offset on instead. */
interface Change {
  readonly bytes: Uint8Array;
  readonly offset: number;
  readonly changed: Uint8Array;
}

/**
 * What the log cannot tell from a batch that was cut (docs/formats/log-file.md, "Not noticed"): damage in a last record that
 * ends with zeros of its own in a sector of its own, and damage that leaves nothing but zeros in a sector.
 */
function mayLookCut({ bytes, offset, changed }: Change): boolean {
  const end = endOf(bytes);
  const left = (SECTOR_BYTES - (end % SECTOR_BYTES)) % SECTOR_BYTES;
  if (end - offset < RECORD_BYTES_USUAL && left < RECORD_BYTES_USUAL) return true;
  const after = Uint8Array.from(bytes);
  after.set(changed, offset);
  for (let from = offset - (offset % SECTOR_BYTES); from < offset + changed.length; from += SECTOR_BYTES) {
    if (after.subarray(from, from + SECTOR_BYTES).every((byte) => byte === 0)) return true;
  }
  return false;
}

/** Does a change in a file of the log of a machine that is down, unless that would prove nothing. */
function damage(machine: Machine, path: string, change: Change): void {
  if (mayLookCut(change)) return;
  machine.disk.files.damage(path, change.offset, change.changed);
  machine.damage = "log";
}

/** Where the records of a machine end: the last file of its log, and the offset there. */
export function endOfLog({ disk: { files } }: Machine): { readonly path: string; readonly end: number } | undefined {
  const name = files.list(FOLDER).findLast((each) => LOG_FILE.test(each));
  if (name === undefined) return undefined;
  const path = `${FOLDER}/${name}`;
  return { path, end: endOf(files.contents(path)) };
}

/** Changes one byte of the last records of a machine that is down, so many bytes from their end. */
export function damageTail(machine: Machine, bytesFromEnd: number): void {
  const found = endOfLog(machine);
  if (found !== undefined) damageAt(machine, found.path, found.end - 1 - bytesFromEnd);
}

/** Changes one byte of the records of a machine that is down. */
export function damageAt(machine: Machine, path: string, offset: number): void {
  const { files } = machine.disk;
  // What lies before the records are items, which are made anew from the records.
  if (offset < 4_096 || !files.exists(path)) return;
  const bytes = files.contents(path);
  if (offset >= endOf(bytes)) return;
  damage(machine, path, { bytes, offset, changed: Uint8Array.of(bytes[offset]! ^ 0x10) });
}

/** Changes bits in a file of the log of a machine that is down. */
function damageSomewhere(machine: Machine, fault: Fault): void {
  const { files } = machine.disk;
  if (!files.exists(FOLDER)) return;
  // The copy of the hard state is damaged as well, now and then; never both, which no node can be healed of.
  const isCopy = (fault.more * 7919) % 1 < 0.15;
  const names = files.list(FOLDER).filter((name) => (isCopy ? name === "state" : LOG_FILE.test(name)));
  const name = names[Math.floor(fault.how * names.length)];
  if (name === undefined) return;
  const path = `${FOLDER}/${name}`;
  const bytes = files.contents(path);
  const end = endOf(bytes);
  if (end === 0) return;
  const offset = Math.floor(fault.more * end);
  const length = fault.whom < 0.5 ? 1 : Math.min(SECTOR_BYTES, end - offset);
  const changed = bytes
    .slice(offset, offset + length)
    .map((byte, at) => (length === 1 ? byte ^ 0x10 : at % 2 ? 0 : byte ^ 0xff));
  damage(machine, path, { bytes, offset, changed });
}

export const DISK_FAULTS = {
  "disk.slow": (cluster, fault) => slow(cluster, fault, 5 + fault.how * 200),
  "disk.all-slow": ({ machines, world, setting }, fault) => {
    const syncMsMax = setting.raft.electionTimeoutMs * (0.02 + fault.how);
    for (const { disk } of machines) disk.setSpeed({ syncMsMin: fault.more * syncMsMax, syncMsMax });
    world.after(3 * fault.forMs, "disks are fast again", () => {
      for (const { disk } of machines) disk.setSpeed(USUAL_DISK);
    });
  },
  "disk.hang": (cluster, fault) => slow(cluster, { ...fault, whom: fault.whom / 3 }, 2_000 + fault.how * 3_000),
  "disk.failed-sync": (cluster, fault) => {
    const { disk } = whomOf(cluster, fault);
    disk.failSync(1 + Math.floor(fault.how * 5));
  },
  "disk.failed-write": (cluster, fault) => {
    const { disk } = whomOf(cluster, fault);
    disk.failWrite(1 + Math.floor(fault.how * 8), fault.more);
  },
  "disk.full": (cluster, fault) => {
    const { disk, name } = whomOf(cluster, fault);
    disk.setFull(true);
    cluster.world.after(fault.forMs, `disk of ${name} has room`, () => disk.setFull(false));
  },
  "disk.damage": (cluster, fault) => {
    const machine = whomOf(cluster, fault);
    if (!cluster.staysWholeWithout([machine])) return;
    machine.restartAtMs = cluster.world.nowMs + fault.forMs;
    machine.kill("kill");
    damageSomewhere(machine, fault);
  },
} as const satisfies Record<string, DoFault>;
