import type { Client, ReadOptions } from "@dister/client";
import { DisterError, instanceAddress, type ShownInstance, type ShownService, writtenAddress } from "@dister/types";
import type { Column } from "../table.ts";
import type { Row, View } from "../view.ts";
import { marked } from "./marked.ts";
import { momentText } from "./units.ts";

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
  const { value: service, marks } = await marked((onMarks) => client.services.get(name, { ...options, onMarks }));
  if (service === undefined) throw new DisterError("DISTER_ERR_SERVICE_NOT_FOUND", { name });
  return { data: service, heading: headingOf(service), columns: COLUMNS, rows: service.node.map(rowOf), marks };
}

/** The state for people: with a word for what is used though its checks do not say so, or not used though they do. */
export function stateText({ state, status }: Pick<ShownInstance, "state" | "status">): string {
  return status === 1 && state !== "passing" ? `${state}, used` : state;
}

/** Says that a service is protected, and who is used on that account. */
export function protectedText(kept: readonly string[], since?: string): string {
  const moment = since === undefined ? "" : ` since ${momentText(since)}`;
  const who = kept.length === 0 ? "" : `; critical and used all the same: ${kept.join(", ")}`;
  return `protected against a mass failure${moment}${who}`;
}

function headingOf({ name, type, node, protection }: ShownService): string {
  const used = node.filter(({ status }) => status === 1).length;
  const fact = `${name} (${type}): ${used} of ${node.length} may be chosen`;
  return protection === undefined ? fact : `${fact}; ${protectedText(protection.kept, protection.since)}`;
}

function rowOf(instance: ShownInstance): Row {
  const { id, priority, tags = [], since } = instance;
  const { host, port } = instanceAddress(instance);
  const address = host === null ? "-" : writtenAddress(host, port);
  const moment = since === undefined ? "-" : momentText(since);
  return { key: id, cells: [id, address, stateText(instance), priority, tags.join(", ") || "-", moment] };
}
