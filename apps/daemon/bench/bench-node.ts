import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { NodeMeasures } from "./measured-node.ts";

const CHILD = fileURLToPath(new URL("./measured-node.ts", import.meta.url));

interface Said {
  readonly url?: string;
  readonly begun?: true;
  readonly measures?: NodeMeasures;
  readonly log?: string;
  readonly message?: string;
  readonly fields?: unknown;
}

/** A node that measures itself, in a process of its own. */
export class BenchNode {
  readonly name: string;
  readonly process: ChildProcess;
  url = "";
  onLog: (message: string, fields: unknown) => void = () => {};
  #next: ((said: Said) => void)[] = [];

  constructor(name: string, config: object) {
    this.name = name;
    const options = { execArgv: ["--conditions=@dister/source", "--disable-warning=ExperimentalWarning"] };
    this.process = fork(CHILD, [JSON.stringify(config)], options);
    this.process.on("message", (said: Said) => {
      if (said.log === undefined) this.#next.shift()?.(said);
      else this.onLog(said.message!, said.fields);
    });
  }

  said(): Promise<Said> {
    return new Promise((resolve) => this.#next.push(resolve));
  }

  async ask(order: "begin" | "report"): Promise<Said> {
    const answer = this.said();
    this.process.send(order);
    return answer;
  }
}
