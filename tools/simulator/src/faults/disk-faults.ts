import type { Cluster } from "../world/cluster.ts";
import { USUAL_DISK } from "../world/disk.ts";
import type { Machine } from "../world/machine.ts";
import type { Fault } from "./plan.ts";
import { whomOf } from "./process-faults.ts";
import type { DoFault } from "./storm.ts";

function slow(cluster: Cluster, fault: Fault, syncMsMax: number): void {
  const { disk, name } = whomOf(cluster, fault);
  disk.setSpeed({ syncMsMin: syncMsMax / 4, syncMsMax });
  cluster.world.after(fault.forMs, `disk of ${name} is fast again`, () => disk.setSpeed(USUAL_DISK));
}

/** Changes bits in a file of the log of a machine that is down. */
function damage(machine: Machine, fault: Fault): void {
  const { files } = machine.disk;
  const folder = "/data/log";
  if (!files.exists(folder)) return;
  // The copy of the hard state is damaged as well, now and then; never both, which no node can be healed of.
  const names = files.list(folder).filter((name) => /^\d/.test(name));
  const name = names[Math.floor(fault.how * names.length)];
  if (name === undefined) return;
  const path = `${folder}/${name}`;
  const bytes = files.contents(path);
  // Behind what was ever written there is nothing to damage.
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  if (end === 0) return;
  const offset = Math.floor(fault.more * end);
  const length = fault.whom < 0.5 ? 1 : Math.min(512, end - offset);
  const changed = bytes
    .slice(offset, offset + length)
    .map((byte, at) => (length === 1 ? byte ^ 0x10 : at % 2 ? 0 : byte ^ 0xff));
  files.damage(path, offset, changed);
  machine.damage = "log";
}

export const DISK_FAULTS = {
  "disk.slow": (cluster, fault) => slow(cluster, fault, 5 + fault.how * 200),
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
    damage(machine, fault);
  },
} as const satisfies Record<string, DoFault>;
