import { createInterface } from "node:readline/promises";
import { DisterError, type ErrorCode } from "@dister/types";

/** How a command speaks with whoever called it. */
export interface Terminal {
  /** One answer at the end: a document for programs, or lines for people. */
  answer(data: unknown, lines: readonly string[]): void;
  /** Lines for people, while the command is under way; nothing of it reaches a program. */
  tell(lines: readonly string[]): void;
  /**
   * Asks for a word, unless it was agreed to beforehand.
   * @throws DisterError `DISTER_ERR_CONFIG` when another word came, or none could be asked for.
   */
  confirm(words: readonly string[], what: string): Promise<void>;
  fail(code: ErrorCode, message: string): void;
}

export function openTerminal(options: { json: boolean; yes: boolean }): Terminal {
  const { json, yes } = options;
  const print = (document: object): void => void process.stdout.write(`${JSON.stringify(document)}\n`);
  return {
    answer(data, lines) {
      if (json) print({ result: 1, message: "ok", data });
      else process.stdout.write(`${lines.join("\n")}\n`);
    },
    tell(lines) {
      process.stderr.write(`${lines.join("\n")}\n`);
    },
    async confirm(words, what) {
      if (yes) return;
      const allowed = `${words.join(" or ")}, or --yes`;
      if (json) throw refusal("nothing, for --json asks nothing", "--yes");
      const typed = await ask(`To ${what}, type ${words.join(" or ")}: `);
      if (typed === undefined || !words.includes(typed))
        throw refusal(typed === undefined ? "nothing" : "another word", allowed);
    },
    fail(code, message) {
      if (json) print({ result: 0, message, code });
      else process.stderr.write(`disterd: ${message}\n`);
    },
  };
}

function refusal(got: string, allowed: string): DisterError {
  const message = `nothing was changed: a confirmation is needed, got ${got}, allowed is ${allowed}`;
  return new DisterError("DISTER_ERR_CONFIG", { key: "confirmation", got, allowed }, { message });
}

/** One line of standard input, undefined when that ends before. */
async function ask(question: string): Promise<string | undefined> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const ended = new Promise<undefined>((resolve) => lines.once("close", () => resolve(undefined)));
    const typed = await Promise.race([lines.question(question), ended]);
    return typed?.trim();
  } finally {
    lines.close();
  }
}
