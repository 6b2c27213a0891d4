// Runs inside namespaces of its own and prints, as JSON, who reaches whom while links are cut. Nothing where that cannot be.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { Chance } from "../src/chance.ts";
import { between, type Direction, Links } from "../src/network/link.ts";
import { NamespaceNetwork } from "../src/network/namespaces.ts";
import { isInSandbox, runInSandbox } from "../src/sandbox.ts";

const PORT = 9_000;
/** On a link without a delay, who has not answered by then does not. */
const SILENCE_MS = 1_500;

const ECHO = (host: string): string =>
  `require("net").createServer((s) => s.on("error", () => {}).pipe(s)).listen(${PORT}, "${host}", () => console.log("up"))`;
const TRY = (host: string): string => `
  const s = require("net").connect(${PORT}, "${host}", () => s.write("x"));
  const tell = (what) => { console.log(what); process.exit(); };
  s.setTimeout(${SILENCE_MS}, () => tell("silence")).on("data", () => tell("through")).on("error", (e) => tell(e.code));`;

async function reachability(): Promise<Record<string, Record<string, string>>> {
  const links = new Links();
  const network = await NamespaceNetwork.open({ size: 3, links, chance: new Chance(1), ids: () => [] });
  const start = (node: number, program: string): ChildProcess => {
    const [command, ...args] = [...network.commandBefore(node), process.execPath, "-e", program];
    return spawn(command!, args, { stdio: ["ignore", "pipe", "inherit"] });
  };
  const servers = [0, 1, 2].map((node) => start(node, ECHO(network.real(node))));
  await Promise.all(servers.map((server) => once(server.stdout!, "data")));
  const reach = async (from: number, to: number): Promise<string> => {
    const [said] = (await once(start(from, TRY(network.real(to))).stdout!, "data")) as [Buffer];
    return String(said).trim();
  };
  const during = async (cut: readonly Direction[]): Promise<Record<string, string>> => {
    const undo = links.add(cut, { cut: true });
    const pairs = [0, 1, 2].flatMap((from) => [0, 1, 2].filter((to) => to !== from).map((to) => [from, to] as const));
    const found = await Promise.all(pairs.map(async ([from, to]) => [`${from} ${to}`, await reach(from, to)] as const));
    undo();
    return Object.fromEntries(found);
  };
  const result = {
    nothing: await during([]),
    pair: await during(between([0], [1])),
    oneWay: await during([{ from: 2, to: 0 }]),
    healed: await during([]),
  };
  for (const server of servers) server.kill("SIGKILL");
  await network.close();
  return result;
}

const code = await runInSandbox({ ownNetwork: true });
if (code === undefined && isInSandbox()) console.log(JSON.stringify(await reachability()));
process.exit(code ?? 0);
