import type { BalanceOptions, Client } from "@dister/client";
import type { BalanceCandidate, BalanceExplanation } from "@dister/types";
import { EXIT } from "../exit-code.ts";
import { Refusal } from "../failure.ts";
import { indented, type Reply } from "../output.ts";
import { type Column, printable, tableOf } from "../table.ts";

/** What may be asked of a choice. */
export interface BalanceRequest extends BalanceOptions {
  /** So many different nodes, as a list. */
  readonly count?: number;
  readonly explain?: boolean;
}

/** Chooses healthy nodes of a service. */
export async function balance(client: Client, name: string, request: BalanceRequest): Promise<Reply> {
  const { policy = "priority", key, count, explain, ...call } = request;
  if (policy === "hash" && (key === undefined || key === "")) {
    throw new Refusal("DISTER_ERR_INVALID", "policy hash chooses by a key: give one with --key", EXIT.usage);
  }
  if (policy !== "hash" && key !== undefined) {
    throw new Refusal("DISTER_ERR_INVALID", `--key goes with --policy hash only, not with ${policy}`, EXIT.usage);
  }
  const asked = {
    ...call,
    ...(request.policy === undefined ? {} : { policy }),
    ...(key === undefined ? {} : { key }),
  };
  if (explain === true) {
    return explained(await client.explainBalance(name, count === undefined ? asked : { ...asked, count }));
  }
  return indented(
    count === undefined ? await client.balance(name, asked) : await client.balanceMany(name, count, asked),
  );
}

/** The nodes as a table, the draws below. That nobody could be chosen ends as it does without the reasons. */
function explained(explanation: BalanceExplanation): Reply {
  const { policy, candidates, draws, chosen } = explanation;
  const rows = candidates.map((candidate) => [
    addressOf(candidate),
    String(candidate.weight),
    String(Number(candidate.effectiveWeight.toFixed(2))),
    candidate.says,
  ]);
  const columns: Column[] = [
    { title: "NODE" },
    { title: "WEIGHT", align: "right" },
    { title: "EFFECTIVE", align: "right" },
    { title: `BY ${policy}` },
  ];
  const text = `${tableOf(columns, rows)}\n\n${draws.map(printable).join("\n")}`;
  return { data: explanation, text, ...(chosen.length === 0 ? { exitCode: EXIT.failed } : {}) };
}

function addressOf({ host, port }: BalanceCandidate): string {
  if (host === null) return "-";
  const shown = host.includes(":") ? `[${host}]` : host;
  return port === null ? shown : `${shown}:${port}`;
}
