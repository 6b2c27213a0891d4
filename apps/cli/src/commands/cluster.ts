import type { Client, WriteOptions } from "@dister/client";
import { DisterError, isHexId } from "@dister/types";
import { EXIT } from "../exit-code.ts";
import type { Reply } from "../output.ts";
import { printable } from "../table.ts";
import type { StatusReport } from "./status-report.ts";
import { clientText, statusText } from "./status-text.ts";

/** Who leads since when and why, and how the members are. Ends with an exit code of its own while nobody leads. */
export async function showStatus(client: Client): Promise<Reply> {
  const report = (await client.status()) as Readonly<Record<string, unknown>> & StatusReport;
  const { node, raft, waitingFor, client: asClient } = report;
  const leader = raft?.leader ?? asClient?.leader ?? null;
  const exitCode = leader === null ? EXIT.noLeader : EXIT.done;
  if (raft !== null) return { data: report, text: statusText(report), exitCode };
  if (asClient !== undefined) return { data: report, text: clientText(report, asClient), exitCode };
  const text = printable(`${node.name} (${node.id}) belongs to no cluster yet: ${waitingFor ?? "starting"}`);
  return { data: report, text, exitCode };
}

/**
 * Asks the leader to hand over.
 * @param to - id or name of a member; without one the leader chooses.
 */
export async function transferLeadership(
  client: Client,
  to: string | undefined,
  options: WriteOptions,
): Promise<Reply> {
  const id = to === undefined ? undefined : await idOf(client, to);
  const asked = await client.transferLeadership(id, options);
  return { data: { to: asked }, text: `ok, ${asked} is asked to lead` };
}

async function idOf(client: Client, idOrName: string): Promise<string> {
  const id = idOrName.toUpperCase();
  if (isHexId(id)) return id;
  const named = (await client.nodes.list()).filter(({ name }) => name === idOrName);
  if (named.length === 1) return named[0]!.id;
  const reason = `${named.length === 0 ? "no member is" : "several members are"} called ${JSON.stringify(idOrName)}`;
  throw new DisterError("DISTER_ERR_MEMBERSHIP", { reason }, { message: reason });
}
