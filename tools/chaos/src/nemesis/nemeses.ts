import { bridge } from "./bridge.ts";
import { damage } from "./damage.ts";
import { flakyLinks } from "./flaky-links.ts";
import { fullDisk } from "./full-disk.ts";
import { kill } from "./kill.ts";
import type { Nemesis } from "./nemesis.ts";
import { oneWay } from "./one-way.ts";
import { partition } from "./partition.ts";
import { pause } from "./pause.ts";
import { rollingRestart } from "./rolling-restart.ts";
import { slowLinks } from "./slow-links.ts";
import { stutter } from "./stutter.ts";

/** Every nemesis, by the name that the command line knows. */
export const NEMESES: ReadonlyMap<string, Nemesis> = new Map(
  [kill, pause, stutter, rollingRestart, partition, oneWay, bridge, slowLinks, flakyLinks, fullDisk, damage].map(
    (nemesis) => [nemesis.name, nemesis],
  ),
);
