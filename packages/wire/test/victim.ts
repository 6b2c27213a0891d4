/** A node in a process of its own, to be killed by a test: `node victim.ts <peer id> <raft port> <repl port>`. */
import { B, infoOf, open } from "./lab.ts";

const [peer = "", raft = "0", repl = "0"] = process.argv.slice(2);
const peers = await open(B, { self: () => infoOf(B) });
peers.bind({
  message: () => {},
  peerUp: () => {},
  peerDown: () => {},
  snapshot: async (_from, _offer, piecesFrom) => {
    for await (const _chunk of piecesFrom(0)) process.send?.("chunk");
    return { term: 1, ok: true, index: 1 };
  },
});
peers.serve("never", () => {
  process.send?.("called");
  return new Promise(() => {});
});
peers.setPeer(peer, { host: "127.0.0.1", ports: { raft: +raft, repl: +repl, api: 0 } });
process.send?.(peers.ports());
