import type { Client, ReadOptions } from "@dister/client";
import { instanceAddress, type ShownInstance, type ShownService, STATUS, writtenAddress } from "@dister/types";
import type { Column } from "../table.ts";
import type { Row, View } from "../view.ts";
import { serviceNamed } from "./services.ts";
import { momentText, sinceText } from "./units.ts";

const COLUMNS: readonly Column[] = [
  { title: "Id" },
  { title: "Address" },
  { title: "State" },
  { title: "Weight", align: "right" },
  { title: "Tags" },
  { title: "Since" },
];

/**
 * The instances of a service, a row for each.
 * @throws DisterError `DISTER_ERR_SERVICE_NOT_FOUND`.
 */
export async function instanceTable(client: Client, name: string, options: ReadOptions = {}): Promise<View> {
  const { value: service, marks } = await serviceNamed(client, name, options);
  return { data: service, heading: headingOf(service), columns: COLUMNS, rows: service.node.map(rowOf), marks };
}

/** The state for people: with a word for what is used though its checks do not say so. */
export function stateText({ state, status }: Pick<ShownInstance, "state" | "status">): string {
  return status === STATUS.alive && state !== "passing" ? `${state}, used` : state;
}

/** Says that a service is protected, and who is used on that account. */
export function protectedText(kept: readonly string[], since?: string): string {
  const moment = since === undefined ? "" : ` since ${momentText(since)}`;
  const who = kept.length === 0 ? "" : `; critical and used all the same: ${kept.join(", ")}`;
  return `protected against a mass failure${moment}${who}`;
}

function headingOf({ name, type, node, protection }: ShownService): string {
  const used = node.filter(({ status, priority }) => status === STATUS.alive && Number(priority) > 0).length;
  const fact = `${name} (${type}): ${used} of ${node.length} may be chosen`;
  return protection === undefined ? fact : `${fact}; ${protectedText(protection.kept, protection.since)}`;
}

function rowOf(instance: ShownInstance): Row {
  const { id, priority, tags = [], since } = instance;
  const { host, port } = instanceAddress(instance);
  const address = host === null ? "-" : writtenAddress(host, port);
  return { key: id, cells: [id, address, stateText(instance), priority, tags.join(", ") || "-", sinceText(since)] };
}
