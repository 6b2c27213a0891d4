import type { CallOptions, Client } from "@dister/client";
import type { InstanceChecks, NodeId, ObserverChecks, ServiceChecks } from "@dister/types";
import type { Column } from "../table.ts";
import type { Row, View } from "../view.ts";
import { protectedText, stateText } from "./instance-table.ts";
import { marked } from "./marked.ts";
import { sinceText } from "./units.ts";

const COLUMNS: readonly Column[] = [
  { title: "Id" },
  { title: "State" },
  { title: "Since" },
  { title: "Observer" },
  { title: "Finds" },
  { title: "Latency", align: "right" },
  { title: "Checks", align: "right" },
  { title: "Last output" },
];

/** Shows what checks found, with the names of those who check. */
export class ChecksTable {
  readonly #client: Client;
  #names: ReadonlyMap<NodeId, string> = new Map();

  constructor(client: Client) {
    this.#client = client;
  }

  /**
   * The instances of a service, a row for each observer.
   * @throws DisterError `DISTER_ERR_SERVICE_NOT_FOUND`.
   */
  async look(name: string, options: CallOptions = {}): Promise<View> {
    const asked = marked((onMarks) => this.#client.services.checks(name, { ...options, onMarks }));
    const { value: found, marks } = await asked;
    const observers = found.instances.flatMap((instance) => instance.observers.map(({ node }) => node));
    if (observers.some((node) => !this.#names.has(node))) await this.#learnNames(options);
    return {
      data: found,
      heading: headingOf(found),
      columns: COLUMNS,
      rows: found.instances.flatMap((instance) => this.#rowsOf(instance)),
      marks,
    };
  }

  /** An id says it as well: what was found is shown also when the members cannot be listed. */
  async #learnNames(options: CallOptions): Promise<void> {
    const members = await this.#client.nodes.list(options).catch(() => []);
    this.#names = new Map(members.map(({ id, name }) => [id, name]));
  }

  #rowsOf(instance: InstanceChecks): Row[] {
    const { id, observers } = instance;
    if (observers.length === 0) {
      return [{ key: JSON.stringify([id]), cells: [...factsOf(instance), "-", "-", "-", "-", "not checked yet"] }];
    }
    return observers.map((observer) => this.#rowOf(instance, observer));
  }

  #rowOf(instance: InstanceChecks, { node, state, latencyMs, checks, output }: ObserverChecks): Row {
    const facts = factsOf(instance);
    const name = this.#names.get(node) ?? node;
    const latency = latencyMs === null ? "-" : `${latencyMs.toFixed(2)} ms`;
    return {
      key: JSON.stringify([instance.id, node]),
      cells: [...facts, name, state, latency, String(checks), output],
      // Latency and count are other ones after each check.
      compared: JSON.stringify([...facts, name, state, output]),
    };
  }
}

/** The first cells of each row of an instance. */
function factsOf(instance: InstanceChecks): readonly string[] {
  return [instance.id, stateText(instance), sinceText(instance.since)];
}

function headingOf({ name, type, protected: isProtected, instances }: ServiceChecks): string {
  const kept = instances.filter((instance) => instance.kept).map(({ id }) => id);
  return isProtected ? `${name} (${type}); ${protectedText(kept)}` : `${name} (${type})`;
}
