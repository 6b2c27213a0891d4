import { readFile } from "node:fs/promises";
import type { Client, ReadOptions, ServiceDefinition, WriteOptions } from "@dister/client";
import { DisterError, type ShownService } from "@dister/types";
import { EXIT } from "../exit-code.ts";
import { Refusal } from "../failure.ts";
import { readJson } from "../json-text.ts";
import { done, indented, type Reply, withMarks } from "../output.ts";
import { type Marked, marked } from "./marked.ts";

/** All services as one object by name. */
export async function listServices(client: Client): Promise<Reply> {
  const { value: services, marks } = await marked((onMarks) => client.services.list({ onMarks }));
  return withMarks(indented(byName(services)), marks);
}

export async function getService(client: Client, name: string): Promise<Reply> {
  const { value: service, marks } = await serviceNamed(client, name);
  return withMarks(indented(service), marks);
}

/** Services as `GET /service` answers them. */
export function byName(services: readonly ShownService[]): Readonly<Record<string, ShownService>> {
  return Object.fromEntries(services.map((service) => [service.name, service]));
}

/** @throws DisterError `DISTER_ERR_SERVICE_NOT_FOUND`. */
export async function serviceNamed(
  client: Client,
  name: string,
  options: ReadOptions = {},
): Promise<Marked<ShownService>> {
  const { value, marks } = await marked((onMarks) => client.services.get(name, { ...options, onMarks }));
  if (value === undefined) throw new DisterError("DISTER_ERR_SERVICE_NOT_FOUND", { name });
  return { value, marks };
}

/** Registers what a file holds: one service or a list of them. The node checks every field. */
export async function addServices(client: Client, path: string | undefined, options: WriteOptions): Promise<Reply> {
  return done(await client.services.register(await servicesIn(path), options));
}

export async function removeServices(client: Client, names: readonly string[], options: WriteOptions): Promise<Reply> {
  return done(await client.services.remove(names, options));
}

/**
 * What a file holds: one service or a list of them.
 * @throws DisterError `DISTER_ERR_INVALID` for a path that is missing, a file that cannot be read, and what is no JSON.
 */
export async function servicesIn(path: string | undefined): Promise<ServiceDefinition | readonly ServiceDefinition[]> {
  if (path === undefined || path === "") {
    throw new Refusal("DISTER_ERR_INVALID", "please specify the service config file path", EXIT.usage);
  }
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") throw new Refusal("DISTER_ERR_INVALID", "service config file does not exist", EXIT.failed);
    throw unusable(path, message);
  }
  const read = readJson(text.replace(/^\uFEFF/, ""));
  if ("wrong" in read) throw unusable(path, `it is not JSON: ${read.wrong}`);
  const services = read.value;
  if (typeof services !== "object" || services === null) throw unusable(path, "it holds neither a service nor a list");
  return services as ServiceDefinition | readonly ServiceDefinition[];
}

function unusable(path: string, reason: string): DisterError {
  return new DisterError(
    "DISTER_ERR_INVALID",
    {},
    { message: `the service config file ${path} cannot be used: ${reason}` },
  );
}
