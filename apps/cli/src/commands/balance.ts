import type { BalanceOptions, Client } from "@dister/client";
import { type BalanceCandidate, type BalanceExplanation, writtenAddress } from "@dister/types";
import { EXIT } from "../exit-code.ts";
import { Refusal } from "../failure.ts";
import { indented, type Reply, withMarks } from "../output.ts";
import type { Column } from "../table.ts";
import type { Row, View } from "../view.ts";
import { marked } from "./marked.ts";

/** What may be asked of a choice. */
export interface BalanceRequest extends BalanceOptions {
  /** So many different instances, as a list. */
  readonly count?: number;
}

/** Chooses healthy instances of a service. */
export async function balance(client: Client, name: string, request: BalanceRequest): Promise<Reply> {
  const { count, ...options } = checked(request);
  const { value, marks } = await marked<unknown>((onMarks) =>
    count === undefined
      ? client.balance(name, { ...options, onMarks })
      : client.balanceMany(name, count, { ...options, onMarks }),
  );
  return withMarks(indented(value), marks);
}

/** Chooses, and shows every instance with its weight or why it was left out, and the draws below. */
export async function explainBalance(client: Client, name: string, request: BalanceRequest): Promise<View> {
  const options = checked(request);
  const { value, marks } = await marked((onMarks) => client.explainBalance(name, { ...options, onMarks }));
  return { ...viewOf(value), marks };
}

/** Refuses what does not go together, before anybody is asked. */
function checked(request: BalanceRequest): BalanceRequest {
  const { policy = "priority", key, tags } = request;
  if (policy === "hash" && (key === undefined || key === "")) {
    throw new Refusal("DISTER_ERR_INVALID", "policy hash chooses by a key: give one with --key", EXIT.usage);
  }
  if (policy !== "hash" && key !== undefined) {
    throw new Refusal("DISTER_ERR_INVALID", `--key goes with --policy hash only, not with ${policy}`, EXIT.usage);
  }
  if (policy !== "first" && tags !== undefined) {
    throw new Refusal("DISTER_ERR_INVALID", `--tags goes with --policy first only, not with ${policy}`, EXIT.usage);
  }
  return request;
}

/** That nobody could be chosen ends as it does without the reasons. */
function viewOf(explanation: BalanceExplanation): View {
  const { policy, candidates, draws, chosen } = explanation;
  const columns: Column[] = [
    { title: "ID" },
    { title: "NODE" },
    { title: "WEIGHT", align: "right" },
    { title: "EFFECTIVE", align: "right" },
    { title: `BY ${policy}` },
  ];
  return {
    data: explanation,
    columns,
    rows: candidates.map(rowOf),
    below: draws,
    ...(chosen.length === 0 ? { exitCode: EXIT.failed } : {}),
  };
}

function rowOf({ id, host, port, weight, effectiveWeight, leftOut, says }: BalanceCandidate): Row {
  const effective = String(Number(effectiveWeight.toFixed(2)));
  const facts = [id, host === null ? "-" : writtenAddress(host, port), String(weight), effective];
  // Who is chosen is drawn anew each time.
  return { key: id, cells: [...facts, says], compared: JSON.stringify([...facts, leftOut]) };
}
