import type { SoundBackup } from "@dister/store";
import { logIdIndex, type Member } from "@dister/types";
import type { Recovered, RecoverFound } from "./recover.ts";
import type { ResetDone, ResetFound } from "./reset.ts";
import type { Restored } from "./restore.ts";

/** What the commands on stopped nodes and backups say to people. */

export function backupLines(file: string, { head, bytes, sha256 }: SoundBackup): string[] {
  return table([
    ["file", `${file}, ${bytes} bytes, sound`],
    ["sha256", sha256],
    ["cluster", `${head.cluster} of the group ${head.group}`],
    ["made", `${new Date(head.timeMs).toISOString()} by node ${head.node}, dister ${head.version}`],
    ["position", `log id ${head.logid}, index ${head.index} of term ${head.term}`],
    ["holds", `${head.keys} keys, ${head.services} services`],
  ]);
}

export function restoredLines({ head, cluster, node, group, folder }: Restored): string[] {
  return [
    `restored ${head.keys} keys and ${head.services} services, as of log id ${head.logid}, into ${folder}`,
    `This is cluster ${cluster} of the group ${group}, with node ${node} as its only member; the cluster ${head.cluster} of the backup is another.`,
    "Start disterd with the same configuration, then the other nodes with empty data folders and this one in their Peers.",
  ];
}

export function recoverLines({ identity, plan, logId, keys, services }: RecoverFound): string[] {
  const { last, tailCount, unsureCount, givenUp, lostUpTo } = plan;
  const behind =
    tailCount === 0
      ? "nothing behind that"
      : `and ${tailCount} entries behind that, of which ${unsureCount} are not known to be committed; all of them are kept`;
  return [
    ...table([
      ["cluster", `${identity.clusterId} of the group ${identity.group}`],
      ["survivor", `${plan.self.name} (${identity.nodeId}), the node of this folder`],
      ["state", `${keys} keys, ${services} services at log id ${logId} (index ${logIdIndex(logId)}), ${behind}`],
      ["last entry", `index ${last.index} of term ${last.term}`],
      ["given up", givenUp.length === 0 ? "nobody" : givenUp.map(memberText).join(", ")],
    ]),
    "",
    "This makes a NEW cluster with this node as its only member. The members given up can never come back to it:",
    "they are refused, and join again only when they have been reset.",
    "What was acknowledged by members given up, and has not reached this node, is lost.",
    ...(lostUpTo > 0
      ? [
          `Lost as well, or not what was acknowledged: entries behind its state up to index ${lostUpTo}, by the damage of its log.`,
        ]
      : []),
    "Nobody can see from here whether the others still run. If a majority of them does, do NOT go on: start this node instead.",
    "Of several survivors take the one whose last entry has the highest term, and of these the highest index.",
    "",
  ];
}

export function recoveredLines({ cluster, node, folder, before }: Recovered): string[] {
  return [
    `recovered into ${folder}: this is cluster ${cluster} now, with node ${node} as its only member`,
    ...(before === null ? [] : [`The old data folder lies in ${before}, as it was; remove it when all is well.`]),
    "Start disterd. Reset the other machines' nodes (disterd reset) and start them with this one in their Peers.",
  ];
}

export function resetLines({ folder, identity, problem }: ResetFound, remove: boolean): string[] {
  const what =
    identity === null
      ? `whose it is cannot be read: ${problem}`
      : `node ${identity.nodeId} of the group ${identity.group}, ${clusterText(identity.clusterId, identity.accepted?.clusterId)}`;
  return [
    ...table([
      ["folder", folder],
      ["node", what],
    ]),
    "",
    "The node comes up as a new one, with nothing but its configuration. A member of a cluster that goes on is to be removed there",
    "first: dister node rm.",
    remove
      ? "Everything in the folder is DELETED."
      : "The folder is put aside under another name, and can be put back.",
    "",
  ];
}

export function resetDoneLines({ folder, aside }: ResetDone): string[] {
  return [aside === null ? `deleted ${folder}` : `reset: what was in ${folder} lies in ${aside} now`];
}

function clusterText(clusterId: string, accepted: string | undefined): string {
  if (clusterId !== "") return `a member of cluster ${clusterId}`;
  if (accepted !== undefined) return `waiting for the founding of cluster ${accepted}`;
  return "in no cluster yet";
}

function memberText({ id, name, address }: Member): string {
  return `${name} (${id}, ${address.host}:${address.ports.raft})`;
}

function table(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([title]) => title.length));
  return rows.map(([title, text]) => `${title.padEnd(width)}  ${text}`);
}
