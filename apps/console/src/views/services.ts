import { type ServiceConfig, type ServiceNode, STATUS } from "@dister/types";
import type { Part } from "../model.ts";
import { badge, type Cell, type Column, nothing, table } from "./table.ts";
import { foreignText } from "./text.ts";
import { element, type Tree } from "./tree.ts";

const COLUMNS: readonly Column[] = [
  { title: "Service" },
  { title: "Type" },
  { title: "Instance", class: "wide" },
  { title: "Priority", class: "number" },
  { title: "Checked every", class: "number" },
  { title: "Status" },
];

/** Instances that are shown of all services together; a table of tens of thousands would stop the browser. */
export const INSTANCES_SHOWN_MAX = 500;

/** The services with their instances and what the checks found. */
export function servicesView(part: Part<readonly ServiceConfig[]>): Tree {
  if (!part.ok) return nothing(`The services could not be read: ${part.message}`);
  if (part.data.length === 0) return nothing("No service is registered.");
  const instances = part.data.flatMap((service) => service.node.map((node) => ({ service, node })));
  const alive = instances.filter(({ node }) => node.status === STATUS.alive).length;
  const caption = `${counted(part.data.length, "service")}, ${alive} of ${counted(instances.length, "instance")} alive`;
  const rows = instances.slice(0, INSTANCES_SHOWN_MAX).map(({ service, node }) => rowOf(service, node));
  const left = instances.length - rows.length;
  const more = left === 0 ? [] : [nothing(`${counted(left, "instance")} more not shown.`)];
  return element("div", {}, table(caption, COLUMNS, rows), ...more);
}

function rowOf(service: ServiceConfig, node: ServiceNode): Cell[] {
  return [
    foreignText(service.name),
    service.type,
    foreignText(placeOf(node)),
    node.priority,
    `${node.interval} ms`,
    node.status === STATUS.alive ? badge("good", "alive") : badge("bad", "dead"),
  ];
}

/** Where the instance is: what a check would ask, and never a user or a password. */
function placeOf({ url, host, port }: ServiceNode): string {
  if (url !== undefined && url !== "") return url;
  const bracketed = host?.includes(":") === true ? `[${host}]` : (host ?? "");
  return port === undefined || port === "" ? bracketed : `${bracketed}:${port}`;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
