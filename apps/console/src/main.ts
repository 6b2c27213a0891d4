import { createClient } from "@dister/client";
import { KeyForm } from "./key-form.ts";
import { KeyPages } from "./key-pages.ts";
import type { Part, ShownKeys, Snapshot } from "./model.ts";
import { readerOf } from "./node-reader.ts";
import { part } from "./page-part.ts";
import { Poller } from "./poller.ts";
import { Section } from "./section.ts";
import { clusterView } from "./views/cluster.ts";
import { connectionOf } from "./views/connection.ts";
import { keysView } from "./views/keys.ts";
import { nodesView } from "./views/nodes.ts";
import { servicesView } from "./views/services.ts";

const POLL_MS = 2_000;
/** A node that needs longer than this for a look at itself is as good as silent. */
const READ_MS = 4_000;
const KEYS_PER_PAGE = 25;

const urls = location.origin;
const pages = new KeyPages(KEYS_PER_PAGE);
const keyForm = new KeyForm(createClient({ urls }), () => poller.refresh());
const poller = new Poller(
  {
    reader: readerOf(createClient({ urls, timeoutMs: READ_MS, retries: 0 })),
    clock: {
      setTimer(delayMs, fire) {
        const timer = setTimeout(fire, delayMs);
        return { cancel: () => clearTimeout(timer) };
      },
    },
  },
  { intervalMs: POLL_MS, query: pages.query, onSnapshot: show, isHidden: () => document.hidden },
);

const sections = {
  cluster: new Section(part("cluster", HTMLElement)),
  nodes: new Section(part("nodes", HTMLElement)),
  services: new Section(part("services", HTMLElement)),
  keys: new Section(part("keys", HTMLElement)),
};
const previous = part("keys-previous", HTMLButtonElement);
const next = part("keys-next", HTMLButtonElement);
let answeredAtMs: number | null = null;
let nextAfter: string | null = null;
let roleSinceMs = 0;

function show(snapshot: Snapshot): void {
  const nowMs = Date.now();
  if (snapshot.answered) answeredAtMs = nowMs;
  showConnection(snapshot);
  if (!snapshot.answered) return;
  const { cluster, nodes, services, keys } = snapshot;
  if (cluster.ok && cluster.data.raft !== null) keepRoleSince(nowMs - cluster.data.raft.roleForMs);
  sections.cluster.show(() => clusterView(cluster, roleSinceMs));
  sections.nodes.show(() => nodesView(nodes));
  sections.services.show(() => servicesView(services));
  sections.keys.show(() => keysView(keys, keyForm));
  showPaging(keys);
  if (!cluster.ok) return;
  setText("node-name", cluster.data.nodeName);
  setText("version", `dister ${cluster.data.version}`);
}

/** Every answer takes another time to come; the same moment must not be shown as another one each time. */
function keepRoleSince(measuredMs: number): void {
  if (Math.abs(measuredMs - roleSinceMs) > 1_500) roleSinceMs = measuredMs;
}

function showConnection(snapshot: Snapshot | null): void {
  const { level, word, detail } = connectionOf(snapshot, answeredAtMs);
  document.body.dataset["level"] = level;
  setText("connection-word", word);
  setText("connection-detail", detail);
  const name = part("node-name", HTMLElement).textContent;
  document.title = `${word}${name === "" ? "" : ` · ${name}`} · dister`;
}

function showPaging(keys: Part<ShownKeys>): void {
  nextAfter = keys.ok ? keys.data.next : null;
  previous.disabled = pages.number === 1;
  next.disabled = nextAfter === null;
  setText("keys-page", `Page ${pages.number}`);
}

/** Sets only what differs: the same text once more would be read out once more. */
function setText(id: string, text: string): void {
  const element = part(id, HTMLElement);
  if (element.textContent !== text) element.textContent = text;
}

part("keys-form", HTMLFormElement).addEventListener("submit", (event) => {
  event.preventDefault();
  pages.search(part("keys-prefix", HTMLInputElement).value);
  poller.show(pages.query);
});
previous.addEventListener("click", () => {
  pages.previous();
  poller.show(pages.query);
});
next.addEventListener("click", () => {
  // Gone until the page has come: a second click would take the same step once more.
  next.disabled = true;
  if (nextAfter !== null) pages.next(nextAfter);
  nextAfter = null;
  poller.show(pages.query);
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) poller.refresh();
});

showConnection(null);
poller.refresh();
