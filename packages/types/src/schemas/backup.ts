import { z } from "zod";
import { isHexId } from "../ids.ts";
import { LIMITS } from "../limits.ts";

const count = z.int().min(0);
const id = z.string().refine(isHexId, { error: "16 hexadecimal digits" });

/** What a backup says of itself before the state begins: docs/formats/backup.md. Fields may be added within a format. */
export const BackupHeadSchema = z.object({
  group: z.string().max(LIMITS.nameCharsMax).describe("Group of the cluster."),
  cluster: id.describe("Id of the cluster."),
  node: id.describe("Id of the node that wrote it."),
  version: z.string().max(LIMITS.nameCharsMax).describe("Version of the software that wrote it."),
  timeMs: count.describe("When it was begun by that node's clock, milliseconds since 1970."),
  index: count.describe("Log index of the state."),
  term: count.describe("Term of the entry there."),
  logid: count.describe("Log id of the entry there."),
  keys: count,
  services: count,
  membership: z.looseObject({ members: z.array(z.unknown()) }).describe("Membership as of that index, as in the log."),
});
export type BackupHead = z.output<typeof BackupHeadSchema>;

/** Query of `GET /cluster/snapshot`. */
export const SnapshotQuerySchema = z.strictObject({
  consistency: z.enum(["linearizable", "local"]).default("linearizable"),
});
