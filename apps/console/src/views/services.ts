import { type InstanceState, type ShownInstance, type ShownService, STATUS, writtenAddress } from "@dister/types";
import type { Part } from "../model.ts";
import { badge, type Cell, type Column, nothing, table } from "./table.ts";
import { foreignText } from "./text.ts";
import { element, type Tree } from "./tree.ts";

const COLUMNS: readonly Column[] = [
  { title: "Service" },
  { title: "Type" },
  { title: "Instance", class: "wide" },
  { title: "Address", class: "wide" },
  { title: "Priority", class: "number" },
  { title: "Checked every", class: "number" },
  { title: "State" },
];

/** Instances that are shown of all services together; a table of tens of thousands would stop the browser. */
export const INSTANCES_SHOWN_MAX = 500;

/** What each state looks like; that an instance is critical and used all the same is said beside it. */
const BADGES: Readonly<Record<InstanceState, "good" | "warn" | "bad" | "plain">> = {
  passing: "good",
  critical: "bad",
  unknown: "plain",
  draining: "warn",
  maintenance: "warn",
};

/** The services with their instances and their states. */
export function servicesView(part: Part<readonly ShownService[]>): Tree {
  if (!part.ok) return nothing(`The services could not be read: ${part.message}`);
  if (part.data.length === 0) return nothing("No service is registered.");
  const instances = part.data.flatMap((service) => service.node.map((node) => ({ service, node })));
  const used = instances.filter(({ node }) => node.status === STATUS.alive).length;
  const caption = `${counted(part.data.length, "service")}, ${used} of ${counted(instances.length, "instance")} in use`;
  const rows = instances.slice(0, INSTANCES_SHOWN_MAX).map(({ service, node }) => rowOf(service, node));
  const left = instances.length - rows.length;
  const more = left === 0 ? [] : [nothing(`${counted(left, "instance")} more not shown.`)];
  const guarded = part.data.filter(({ protection }) => protection !== undefined).map(({ name }) => name);
  const protection = guarded.length === 0 ? [] : [nothing(`Protected against a mass failure: ${guarded.join(", ")}.`)];
  return element("div", {}, ...protection, table(caption, COLUMNS, rows), ...more);
}

function rowOf(service: ShownService, node: ShownInstance): Cell[] {
  return [
    foreignText(service.name),
    service.type,
    foreignText(node.id),
    foreignText(placeOf(node)),
    node.priority,
    `${node.interval} ms`,
    badge(BADGES[node.state], stateText(node)),
  ];
}

function stateText({ state, status }: ShownInstance): string {
  return status === STATUS.alive && state !== "passing" ? `${state}, used` : state;
}

/** Where the instance is: what a check would ask, and never a user or a password. */
function placeOf({ url, host, port }: ShownInstance): string {
  if (url !== undefined && url !== "") return url;
  return writtenAddress(host ?? "", port === undefined || port === "" ? null : port);
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
