import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildPage } from "./built-page.ts";

const CHROMIUM = "/usr/bin/chromium";
const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; " +
  "form-action 'none'; frame-ancestors 'none'";
const TYPES: Record<string, string> = { ".html": "text/html", ".css": "text/css", ".js": "text/javascript" };
const HOSTILE = '</td><img src=x onerror="document.title=1"><script>document.title=2</script>';

/** Whether the node that the page talks to is well. */
let state: "ready" | "without leader" | "broken" = "ready";
/** What the page has written. */
const written: string[] = [];
/** What a reader does with the page. */
let drive = "";

const ok = (data: unknown): [number, unknown] => [200, { result: 1, message: "ok", data }];
const NODE = {
  name: HOSTILE,
  group: "g",
  id: "AA",
  ip: "",
  status: 1,
  role: 0,
  raft: 2,
  logid: 1,
  version: "1",
  voter: true,
};

function answer(path: string): [status: number, body: unknown] {
  if (state === "broken") return [500, "no JSON"];
  const refused = [503, { result: 0, message: "no leader", code: "DISTER_ERR_NO_LEADER" }] as [number, object];
  const reason = state === "ready" ? null : "no leader";
  if (path === "/health") {
    const data = { live: true, ready: reason === null, leader: "AA", reason };
    return reason === null ? ok(data) : [503, { ...refused[1], data }];
  }
  if (path === "/cluster/status") {
    const membership = { members: [NODE] };
    const raft = { role: "leader", term: 3, leader: "AA", reason: "only voter", roleForMs: 1, membership };
    return ok({
      node: NODE,
      cluster: "CC",
      waitingFor: reason,
      raft,
      up: ["AA"],
      appliedLogId: 1,
      keys: 1,
      services: 1,
    });
  }
  if (path === "/node") return ok([NODE]);
  if (path === "/service") {
    const instance = { id: HOSTILE, url: HOSTILE, priority: "100", interval: "2000", status: 1, state: "passing" };
    return ok({ web: { name: "web", type: "web", node: [instance] } });
  }
  if (path === "/kv") return ok({ items: [{ key: HOSTILE, value: HOSTILE }], next: null });
  return [404, {}];
}

describe.skipIf(!existsSync(CHROMIUM))("in a real browser", () => {
  let page: Awaited<ReturnType<typeof buildPage>>;
  let server: Server;
  let profile: string;

  beforeAll(async () => {
    page = await buildPage();
    profile = mkdtempSync(join(tmpdir(), "dister-browser-"));
    server = createServer(serve);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  }, 30_000);
  afterAll(() => {
    server.closeAllConnections();
    server.close();
    page.remove();
    rmSync(profile, { recursive: true, maxRetries: 5 });
  });

  function serve(request: IncomingMessage, response: ServerResponse): void {
    const [path] = request.url!.split("?", 1) as [string];
    if (path.startsWith("/ui/")) {
      const name = path.slice(4) || "index.html";
      if (name === "drive.js") return void response.setHeader("content-type", "text/javascript").end(drive);
      if (!existsSync(join(page.folder, name))) return void response.writeHead(404).end();
      response.setHeader("content-security-policy", CSP);
      if (path === "/ui/") {
        response.setHeader("content-type", "text/html");
        const html = readFileSync(join(page.folder, name), "utf8");
        return void response.end(html.replace("</body>", '<script type="module" src="drive.js"></script></body>'));
      }
      response.setHeader("content-type", TYPES[extname(name)] ?? "image/svg+xml");
      return void response.end(readFileSync(join(page.folder, name)));
    }
    if (request.method !== "GET") {
      request.setEncoding("utf8");
      request.on("data", (body: string) => written.push(`${request.method} ${path} ${body}`));
    }
    const [status, body] = request.method === "GET" ? answer(path) : ok({ logid: 20_007, changed: 1 });
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  }

  /** The page as it stands after a few seconds of its own time. */
  function open(): Promise<string> {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/ui/`;
    const quiet = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"];
    const still = ["--disable-background-networking", "--disable-component-update", "--disable-sync"];
    const dump = [`--user-data-dir=${profile}`, "--virtual-time-budget=3000", "--dump-dom", url];
    return new Promise((resolve, reject) => {
      execFile(CHROMIUM, [...quiet, ...still, ...dump], { timeout: 30_000 }, (error, stdout) => {
        if (error === null) resolve(stdout);
        else reject(error);
      });
    });
  }

  test("the page shows what the node says, and hostile names stay text", async () => {
    state = "ready";
    drive = "";
    const dom = await open();
    const escaped = HOSTILE.replaceAll("<", "&lt;").replaceAll(">", "&gt;");
    expect(dom).toContain('data-level="good"');
    expect(dom).toContain(`<title>Ready · ${escaped} · dister</title>`);
    // Node, leader, instance, key and value.
    expect(dom.split(`>${escaped}</bdi>`).length - 1).toBeGreaterThanOrEqual(5);
    expect(dom).not.toContain("<img src=x");
    expect(dom.match(/<script/g)).toHaveLength(2);
    expect(dom).toContain("because: only voter");
  }, 40_000);

  test("the page says that the node is not ready, and why", async () => {
    state = "without leader";
    const dom = await open();
    expect(dom).toContain('data-level="warn"');
    expect(dom).toContain("The node is not ready: no leader.");
  }, 40_000);

  test("the page says that the node does not answer", async () => {
    state = "broken";
    const dom = await open();
    expect(dom).toContain('data-level="bad"');
    expect(dom).toContain("The node does not answer:");
  }, 40_000);

  test("keys are set, edited and deleted, after a question, exactly as they are called", async () => {
    state = "ready";
    // Real answers take real time, which the page's own clock does not wait for: every step waits for what it needs.
    drive = `
      const one = (selector) => document.querySelector(selector);
      const until = async (condition) => {
        while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20));
      };
      const said = (text) => until(() => one("#outcome").textContent.includes(text));
      await until(() => one("#keys tbody button"));
      one("#set-key").value = "a key";
      one("#set-value").value = "line 1\\nline 2";
      one("#set-submit").click();
      await said("Set a key, log id 20007.");
      const [edit, remove] = document.querySelectorAll("#keys tbody button");
      edit.click();
      one("#set-submit").click();
      await said("log id 20007");
      await until(() => !one("#set-submit").disabled);
      remove.click();
      one("#delete-cancel").click();
      remove.click();
      await until(() => one("#delete-dialog").open);
      one("#delete-confirm").click();
      await said("Deleted");
      document.body.dataset.driven = "to the end";
    `;
    const dom = await open();
    expect(dom).toContain('data-driven="to the end"');
    expect(written).toEqual([
      `POST /kv ${JSON.stringify({ "a key": "line 1\nline 2" })}`,
      `POST /kv ${JSON.stringify({ [HOSTILE]: HOSTILE })}`,
      `DELETE /kv ${JSON.stringify([HOSTILE])}`,
    ]);
  }, 40_000);
});
