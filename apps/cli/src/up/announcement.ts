import { relative } from "node:path";
import { DEFAULT_PORTS } from "@dister/types";
import { tableOf } from "../table.ts";
import type { NodePlan } from "./layout.ts";

/** A node of a cluster that has just been started. */
export interface StartedNode {
  readonly plan: NodePlan;
  readonly pid: number;
  readonly leader: boolean;
}

/** For programs: what was started. */
export function startedData(nodes: readonly StartedNode[]): unknown {
  return {
    nodes: nodes.map(({ plan, pid, leader }) => {
      return { name: plan.name, api: plan.url, ports: plan.ports, data: plan.folder, pid, leader };
    }),
  };
}

/** For people: where it listens and what to try next. */
export function startedText(nodes: readonly StartedNode[], dataFolder: string, command: string): string {
  const rows = nodes.map(({ plan, pid, leader }) => [
    plan.name,
    plan.url,
    relative(process.cwd(), plan.folder) || plan.folder,
    String(pid),
    leader ? "leader" : "",
  ]);
  const titles = ["node", "API", "data", "pid", ""];
  const table = tableOf(
    titles.map((title) => ({ title })),
    rows,
  );
  const count = nodes.length === 1 ? "1 node is" : `${nodes.length} nodes are`;
  const end = `Ctrl-C stops the cluster; the data stays in ${dataFolder}`;
  return `${count} ready\n\n${trimmed(table)}\n\n${nextSteps(nodes, command)}\n\n${end}`;
}

function nextSteps(nodes: readonly StartedNode[], command: string): string {
  const at = (position: number): string => (nodes[position] ?? nodes.at(-1)!).plan.url;
  const leader = nodes.find((node) => node.leader) ?? nodes[0]!;
  const local = nodes[0]!.plan.url === `http://127.0.0.1:${DEFAULT_PORTS.api}`;
  const after = nodes.length === 1 ? "it is started again" : "another node leads, and this one is started again";
  const steps: [string, string][] = [
    [
      `curl -H 'content-type: application/json' -d '{"greeting":"hello"}' ${at(1)}/kv`,
      nodes.length === 1 ? "Write a key" : "Write a key at one node",
    ],
    [`curl '${at(2)}/kv?k=greeting'`, nodes.length === 1 ? "Read it" : "Read it at another"],
    [`${command}${local ? "" : ` --api ${at(0)}`} status`, "See who leads, and why"],
    [`kill -9 ${leader.pid}`, `Kill ${leader.leader ? "the leader" : leader.plan.name}: ${after}`],
  ];
  return ["Try, in another terminal:", ...steps.map(([line, what]) => `\n  # ${what}\n  ${line}`)].join("\n");
}

function trimmed(table: string): string {
  return table
    .split("\n")
    .map((line) => `  ${line.trimEnd()}`)
    .join("\n");
}
