import type { Client, ReadOptions } from "@dister/client";
import type { InstanceState, ShownService } from "@dister/types";
import type { Column } from "../table.ts";
import type { Row, View } from "../view.ts";
import { marked } from "./marked.ts";
import { byName } from "./services.ts";
import { momentText } from "./units.ts";

const COLUMNS: readonly Column[] = [
  { title: "Service" },
  { title: "Type" },
  { title: "Instances", align: "right" },
  { title: "Passing", align: "right" },
  { title: "Critical", align: "right" },
  { title: "Unknown", align: "right" },
  { title: "Draining", align: "right" },
  { title: "Maintenance", align: "right" },
  { title: "Protected" },
];

const COUNTED: readonly InstanceState[] = ["passing", "critical", "unknown", "draining", "maintenance"];

/** All services, a row for each: how many of its instances are in which state, and since when it is protected. */
export async function serviceTable(client: Client, options: ReadOptions = {}): Promise<View> {
  const { value: services, marks } = await marked((onMarks) => client.services.list({ ...options, onMarks }));
  return {
    data: byName(services),
    columns: COLUMNS,
    rows: services.map(rowOf),
    marks,
    empty: "no service is registered",
  };
}

function rowOf({ name, type, node, protection }: ShownService): Row {
  const counts = COUNTED.map((state) => String(node.filter((instance) => instance.state === state).length));
  const since = protection === undefined ? "-" : `since ${momentText(protection.since)}`;
  return { key: name, cells: [name, type, String(node.length), ...counts, since] };
}
