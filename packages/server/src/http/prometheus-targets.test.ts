import { readFile } from "node:fs/promises";
import type { Service } from "@dister/types";
import { serviceOf } from "@dister/types/testing";
import { describe, expect, it } from "vitest";
import { prometheusTargets } from "./prometheus-targets.ts";

function service(name: string, type: string, node: readonly object[]): Service {
  return serviceOf({ name, type, node }, { checked: true });
}

const addresses = (services: readonly Service[]): string[] =>
  prometheusTargets(services).flatMap(({ targets }) => targets);

describe("the targets for Prometheus", () => {
  it("are a group for each instance, in the order of the services and of their instances", () => {
    const meta = { "zone/a": "eu", v: "1" };
    const web = service("web", "tcp", [
      { host: "10.0.0.1", port: 80 },
      { id: "two", host: "10.0.0.2", port: 80, priority: 7, tags: ["x", "y"], meta },
    ]);
    const alive = {
      ...web,
      node: [
        { ...web.node[0]!, status: 1 as const },
        { ...web.node[1]!, kept: true },
      ],
    };
    const db = service("db", "pgsql", [{ host: "db", port: 5432, user: "u" }]);
    const drained = { ...db, node: [{ ...db.node[0]!, status: 1 as const, mode: "draining" as const }] };
    expect(prometheusTargets([alive, drained])).toEqual([
      {
        targets: ["10.0.0.1:80"],
        labels: {
          __meta_dister_service: "web",
          __meta_dister_type: "tcp",
          __meta_dister_id: "10.0.0.1:80",
          __meta_dister_state: "passing",
          __meta_dister_status: "1",
          __meta_dister_priority: "100",
        },
      },
      {
        targets: ["10.0.0.2:80"],
        labels: {
          __meta_dister_service: "web",
          __meta_dister_type: "tcp",
          __meta_dister_id: "two",
          __meta_dister_state: "critical",
          // It is used on: a mass failure is taken for one of the network.
          __meta_dister_status: "1",
          __meta_dister_priority: "7",
          __meta_dister_tags: ",x,y,",
          __meta_dister_meta_zone_a: "eu",
          __meta_dister_meta_v: "1",
        },
      },
      {
        targets: ["db:5432"],
        labels: {
          __meta_dister_service: "db",
          __meta_dister_type: "pgsql",
          __meta_dister_id: "db:5432",
          __meta_dister_state: "draining",
          __meta_dister_status: "0",
          __meta_dister_priority: "100",
        },
      },
    ]);
  });

  it("have the address that a check asks for where a node has none of its own, and say scheme and path", () => {
    const urls = ["http://a/health", "https://b", "http://[::1]:81/x/y"];
    const groups = prometheusTargets([
      service(
        "w",
        "web",
        urls.map((url) => ({ url })),
      ),
    ]);
    expect(groups.map(({ targets, labels }) => [targets[0], labels["__meta_dister_scheme"]])).toEqual([
      ["a:80", "http"],
      ["b:443", "https"],
      ["[::1]:81", "http"],
    ]);
    expect(groups.map(({ labels }) => labels["__meta_dister_path"])).toEqual(["/health", "/", "/x/y"]);
  });

  it("leave out a node without any address and keep one without a port", () => {
    const custom = service("c", "custom", [{ script: "/check" }, { script: "/check", port: 9 }]);
    expect(addresses([custom, service("t", "ttl", [{ host: "worker", ttl: 1_000 }])])).toEqual(["worker"]);
    expect(addresses([])).toEqual([]);
  });

  it("write addresses of IPv6 with brackets", () => {
    expect(addresses([service("s", "tcp", [{ host: "::1", port: 80 }])])).toEqual(["[::1]:80"]);
    expect(addresses([service("s", "ttl", [{ host: "::1", ttl: 1_000 }])])).toEqual(["[::1]"]);
  });

  it("tell the same address twice when it is registered twice", () => {
    const node = { host: "a", port: 1 };
    expect(addresses([service("s", "tcp", [node, node]), service("t", "tcp", [node])])).toEqual(["a:1", "a:1", "a:1"]);
  });

  it("hold no secret: no login, no header, no script, nothing behind the ? of an address (X11)", () => {
    const text = JSON.stringify(
      prometheusTargets([
        service("m", "mysql", [{ host: "m", port: 1, user: "s3cret", pass: "s3cret", database: "s3cret" }]),
        service("w", "web", [
          { url: "http://w/x?key=s3cret#s3cret", headers: "authorization: s3cret", equals: "s3cret" },
        ]),
        service("c", "custom", [{ script: "/check s3cret", host: "c", port: 1 }]),
      ]),
    );
    expect(text).not.toContain("s3cret");
    expect(JSON.parse(text)).toHaveLength(3);
  });

  it("are well called by names that mean something in JavaScript (X4)", () => {
    const [group] = prometheusTargets([service("__proto__", "tcp", [{ host: "constructor", port: 1 }])]);
    expect(group).toMatchObject({ targets: ["constructor:1"], labels: { __meta_dister_service: "__proto__" } });
  });
  it("are told in docs/reference/http-api.md, label by label, with an example as it is", async () => {
    const docs = await readFile(new URL("../../../../docs/reference/http-api.md", import.meta.url), "utf8");
    const url = "http://10.0.0.5:8080/up?key=k";
    const instance = { id: "site-1", url, tags: ["eu", "v2"], meta: { rack: "r1" } };
    const site = service("site", "web", [instance]);
    const targets = prometheusTargets([{ ...site, node: [{ ...site.node[0]!, status: 1 }] }]);
    expect(docs).toContain(`# ${JSON.stringify(targets)}\n`);
    const labels = Object.keys(targets[0]!.labels).map((label) => label.replace(/_meta_rack$/, "_meta_<name>"));
    const [, section = ""] = docs.split("#### For Prometheus\n");
    const told = [...section.split("\n### ")[0]!.matchAll(/^\| (`__.*?`) \|/gm)].flatMap(([, names]) =>
      names!.split(", ").map((name) => name.slice(1, -1)),
    );
    expect(told).toEqual(labels);
  });
});
