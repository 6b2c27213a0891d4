import { once } from "node:events";
import { createServer } from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { HealthImplementation } from "grpc-health-check";
import { describe, expect, onTestFinished, test } from "vitest";
import { grpcProbe } from "../src/index.ts";
import { deadPort } from "./servers.ts";

const host = "127.0.0.1";
const timeoutMs = 20_000;

describe("a server of the gRPC project", () => {
  async function healthServer() {
    const health = new HealthImplementation({ "": "SERVING", shop: "NOT_SERVING" });
    const server = new Server();
    health.addToServer(server);
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync(`${host}:0`, ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      );
    });
    onTestFinished(() => server.forceShutdown());
    return { health, server, port };
  }

  test("is up as a whole, and each of its services is what it says", async () => {
    const { health, port } = await healthServer();
    expect(await grpcProbe({ host, port, timeoutMs })).toMatchObject({ ok: true, output: "SERVING" });
    const shop = { host, port, service: "shop", timeoutMs };
    expect(await grpcProbe(shop)).toMatchObject({ ok: false, output: "NOT_SERVING" });
    health.setStatus("shop", "SERVING");
    expect(await grpcProbe(shop)).toMatchObject({ ok: true, output: "SERVING" });
    expect(await grpcProbe({ ...shop, service: "s3cret" })).toMatchObject({ ok: false, output: "grpc status 5" });
    expect(await grpcProbe({ ...shop, service: "ü".repeat(100) })).toMatchObject({ output: "grpc status 5" });
  });

  test("is down when it has no health service, and when it has ended", async () => {
    const server = new Server();
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync(`${host}:0`, ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      );
    });
    expect(await grpcProbe({ host, port, timeoutMs })).toMatchObject({ ok: false, output: "grpc status 12" });
    server.forceShutdown();
    expect(await grpcProbe({ host, port: await deadPort(), timeoutMs })).toMatchObject({
      ok: false,
      output: "connect ECONNREFUSED",
    });
  });
});

describe("an answer that is none", () => {
  const ok = { "grpc-status": "0" };
  const message = (...bytes: number[]) => Buffer.from([0, 0, 0, 0, bytes.length, ...bytes]);

  test.each([
    ["SERVING", message(0x08, 1), ok, "SERVING"],
    ["nothing at all", Buffer.alloc(0), ok, "an answer that is not understood"],
    ["an empty message", message(), ok, "UNKNOWN"],
    ["a status that there is not", message(0x08, 9), ok, "an answer that is not understood"],
    ["another field", message(0x10, 1), ok, "an answer that is not understood"],
    ["a compressed message", Buffer.from([1, 0, 0, 0, 2, 8, 1]), ok, "an answer that is not understood"],
    ["a length that is a lie", Buffer.from([0, 0, 0, 0, 9, 8, 1]), ok, "an answer that is not understood"],
    ["a status of gRPC in words", message(0x08, 1), { "grpc-status": "s3cret" }, "an answer that is not understood"],
    ["no status of gRPC", message(0x08, 1), {}, "closed without an answer"],
    ["too much", Buffer.alloc(5_000), ok, "an answer that is not understood"],
  ])("%s", async (_what, body, trailers, output) => {
    const sockets: Socket[] = [];
    const server = createServer((request, response) => {
      response.setHeader("content-type", "application/grpc");
      request.resume();
      request.on("end", () => {
        response.addTrailers(trailers);
        response.end(body);
      });
    });
    server.on("connection", (socket: Socket) => sockets.push(socket));
    server.listen(0, host);
    await once(server, "listening");
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    const { port } = server.address() as AddressInfo;
    expect(await grpcProbe({ host, port, timeoutMs })).toMatchObject({ ok: output === "SERVING", output });
  });
});
