import { Interpreter } from "./interpreter.ts";

/** Begins the output of a command that cannot be carried out. No transcript may hold it. */
export const SCRIPT_ERROR = "the script is wrong";

/** The parts of a transcript file: its title, what must hold, and blocks of commands with what came of them. */
export interface Transcript {
  /** First line: the ID and a sentence. */
  readonly title: string;
  /** The paragraph behind it. */
  /** The lines right below it: what must hold. */
  readonly statement: string;
  readonly blocks: readonly Block[];
}

/** Remarks (`# `), commands (`> `), output. */
interface Block {
  readonly remarks: readonly string[];
  readonly commands: readonly string[];
}

export function parseTranscript(text: string): Transcript {
  const [head = "", ...blocks] = text.trim().split(/\n{2,}/);
  const [title = "", ...statement] = head.split("\n");
  if (statement.length === 0) throw new Error(`"${title}" does not say what must hold`);
  for (const block of blocks) if (!/^[#>]/.test(block)) throw new Error(`neither a remark nor a command: "${block}"`);
  return { title, statement: statement.join("\n"), blocks: blocks.map(parseBlock) };
}

function parseBlock(text: string): Block {
  const lines = text.split("\n");
  return {
    remarks: lines.filter((line) => line.startsWith("#")),
    commands: lines.filter((line) => line.startsWith("> ")).map((line) => line.slice(2)),
  };
}

/** Plays a transcript: the whole text as it would be if what came out were what is expected. */
export function play({ title, statement, blocks }: Transcript): string {
  const interpreter = new Interpreter();
  const played = blocks.map(({ remarks, commands }) => {
    const echoed = commands.map((command) => `> ${command}`);
    let output: string[];
    try {
      output = interpreter.run(commands);
    } catch (error) {
      output = [`${SCRIPT_ERROR}: ${(error as Error).message}`];
    }
    return [...remarks, ...echoed, ...output].join("\n");
  });
  return `${[`${title}\n${statement}`, ...played].join("\n\n")}\n`;
}
