import type { Cluster } from "../cluster.ts";
import { holds, rest } from "../rest.ts";
import type { Fault, Roles } from "./faults.ts";
import { type Acknowledged, Writers } from "./writers.ts";

/** Writes before the cut, so that connections stand and the first gap is an ordinary one. */
const BEFORE_MS = 1_000;
const POLL_MS = 100;
/** A write that was begun so shortly after the cut may have been through before it. */
const CUT_MS = 100;
/** One election is needed when the leader is cut off; a split vote or a machine that is late costs another. */
const TERMS_MAX = 4;
/** None is needed while the leader keeps a majority; a machine that is late for half a second may cause one all the same. */
const TERMS_MAX_WITH_LEADER = 2;
const RECOVERY_MS = 60_000;
/** So many keys are read back at a time. */
const PAGE_KEYS = 1_000;

/** What one fault did to a cluster. */
export interface Measured {
  readonly fault: string;
  /** Terms that were begun while the fault lasted. */
  readonly terms: number;
  /** Terms that were begun when it was healed. */
  readonly termsAfter: number;
  /** Longest time without any acknowledged write at the nodes that had to go on, from the cut to the healing. */
  readonly outageMs: number;
  /** From the healing until every node has acknowledged a write again. */
  readonly recoveryMs: number;
  readonly acknowledged: number;
  /** Promises that were broken, in words; none in a sound cluster. */
  readonly violations: readonly string[];
}

/** Cuts, lets clients write for `faultMs`, heals, and compares what is there with what was acknowledged. */
export async function measure(
  cluster: Cluster,
  fault: Fault,
  { faultMs, run }: { faultMs: number; run: number },
): Promise<Measured> {
  if (!(await cluster.recovered())) throw new Error("the cluster is not whole before the fault");
  const roles = await rolesOf(cluster);
  const positions = cluster.nodes.map(({ position }) => position);
  const terms = new Terms(cluster);
  const prefix = `${fault.name}-${run}-`;
  const writers = new Writers(cluster.api, prefix);
  const ending = new AbortController();
  const polling = terms.poll(ending.signal);
  writers.start(positions);
  await rest(BEFORE_MS);
  const firstTerm = terms.newest;
  const cutMs = performance.now();
  const undo = cluster.links.add(fault.cut(roles), { cut: true });
  await rest(faultMs);
  const lastTerm = terms.newest;
  undo();
  const healedMs = performance.now();
  const { acknowledged } = writers;
  const isBack = (node: number): boolean => acknowledged.some((one) => one.node === node && one.startMs > healedMs);
  const recovered = await holds(() => positions.every(isBack), RECOVERY_MS);
  await writers.stop();
  ending.abort();
  await polling;

  const window = { cutMs, healedMs };
  const served = fault.served(roles);
  const violations = [
    ...terms.violations,
    ...tooMany(lastTerm - firstTerm, fault),
    ...acknowledgedAlone(acknowledged, fault.alone(roles), window),
    ...notServed(acknowledged, served, window),
    ...(recovered ? [] : ["a node acknowledged nothing for a minute after the healing"]),
    ...(await lost(cluster, acknowledged, prefix)),
  ];
  return {
    fault: fault.name,
    terms: lastTerm - firstTerm,
    termsAfter: terms.newest - lastTerm,
    outageMs: longestGap(acknowledged, served, window),
    recoveryMs: Math.max(0, ...positions.map((node) => firstBack(acknowledged, node, healedMs))),
    acknowledged: acknowledged.length,
    violations,
  };
}

async function rolesOf(cluster: Cluster): Promise<Roles> {
  const leader = await cluster.leader();
  if (leader === undefined) throw new Error("a whole cluster has no leader");
  const [a, b] = cluster.nodes.filter((node) => node !== leader).map(({ position }) => position);
  return { leader: leader.position, followers: [a!, b!] };
}

/** Follows which terms there are and who says that it leads in each. */
class Terms {
  readonly #cluster: Cluster;
  readonly #leaders = new Map<number, Set<string>>();
  newest = 0;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  async poll(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await Promise.all(this.#cluster.nodes.map(({ position, name }) => this.#ask(position, name)));
      await rest(POLL_MS, signal);
    }
  }

  get violations(): string[] {
    return [...this.#leaders]
      .filter(([, names]) => names.size > 1)
      .map(([term, names]) => `term ${term} has the leaders ${[...names].join(" and ")}`);
  }

  async #ask(position: number, name: string): Promise<void> {
    const call = { method: "GET", path: "/cluster/status", timeoutMs: POLL_MS * 3 } as const;
    const { data } = await this.#cluster.api.call(position, call);
    const raft = (data as { raft?: { role: string; term: number } | null } | null)?.raft;
    if (raft === undefined || raft === null) return;
    this.newest = Math.max(this.newest, raft.term);
    if (raft.role !== "leader") return;
    const names = this.#leaders.get(raft.term) ?? new Set();
    this.#leaders.set(raft.term, names.add(name));
  }
}

function tooMany(terms: number, { needsElection }: Fault): string[] {
  const allowed = needsElection ? TERMS_MAX : TERMS_MAX_WITH_LEADER;
  return terms <= allowed ? [] : [`${terms} terms were begun, allowed are ${allowed}`];
}

interface Window {
  readonly cutMs: number;
  readonly healedMs: number;
}

function acknowledgedAlone(
  acknowledged: readonly Acknowledged[],
  alone: readonly number[],
  { cutMs, healedMs }: Window,
): string[] {
  const wrong = acknowledged.filter(
    ({ node, startMs, endMs }) => alone.includes(node) && startMs > cutMs + CUT_MS && endMs < healedMs,
  );
  return wrong.length === 0
    ? []
    : [`${wrong.length} writes were acknowledged without a majority, ${wrong[0]!.key} for one`];
}

/** In the second half of the fault every node that has to go on has done so. */
function notServed(
  acknowledged: readonly Acknowledged[],
  served: readonly number[],
  { cutMs, healedMs }: Window,
): string[] {
  const halfMs = (cutMs + healedMs) / 2;
  return served
    .filter((node) => !acknowledged.some((one) => one.node === node && one.startMs > halfMs && one.endMs < healedMs))
    .map((node) => `node${node + 1} took no write although it reaches a leader with a majority`);
}

function longestGap(
  acknowledged: readonly Acknowledged[],
  served: readonly number[],
  { cutMs, healedMs }: Window,
): number {
  const times = acknowledged
    .filter(({ node, endMs }) => served.includes(node) && endMs > cutMs && endMs < healedMs)
    .map(({ endMs }) => endMs)
    .sort((a, b) => a - b);
  let longest = 0;
  let lastMs = cutMs;
  for (const time of [...times, healedMs]) {
    longest = Math.max(longest, time - lastMs);
    lastMs = time;
  }
  return longest;
}

function firstBack(acknowledged: readonly Acknowledged[], node: number, healedMs: number): number {
  const times = acknowledged.filter((one) => one.node === node && one.startMs > healedMs).map(({ endMs }) => endMs);
  return Math.min(...times, healedMs + RECOVERY_MS) - healedMs;
}

/** What was acknowledged and is not there, read at a node that confirms it with the leader. */
async function lost(cluster: Cluster, acknowledged: readonly Acknowledged[], prefix: string): Promise<string[]> {
  const there = new Set<string>();
  for (let after: string | null = ""; after !== null; ) {
    const query = `prefix=${encodeURIComponent(prefix)}&limit=${PAGE_KEYS}&after=${encodeURIComponent(after)}`;
    const { data, outcome } = await cluster.api.call(0, { method: "GET", path: `/kv?${query}` });
    if (outcome !== "ok") return ["the keys could not be read back"];
    const page = data as { items: { key: string }[]; next: string | null };
    for (const { key } of page.items) there.add(key);
    after = page.next;
  }
  const gone = acknowledged.filter(({ key }) => !there.has(key)).map(({ key }) => key);
  return gone.length === 0 ? [] : [`${gone.length} acknowledged writes are gone, ${gone[0]} for one`];
}
