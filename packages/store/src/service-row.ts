import type { InstanceMode, Service, ServiceInstance } from "@dister/types";
import { BytesError } from "./bytes.ts";
import { parseDefinition, stringifyDefinition } from "./service-definition.ts";
import type { ServiceRow } from "./tables.ts";

/** Bits of what became of an instance (docs/formats/snapshot.md). */
const BIT = Object.freeze({ status: 1, checked: 2, kept: 4, draining: 8, maintenance: 16 } as const);
const BITS_MAX = 31;

/** The row of a service. */
export function rowOfService(service: Service): ServiceRow {
  const { name, definedIndex } = service;
  // Only what was registered: what became of an instance changes often, and lies beside it.
  const node = service.node.map(
    ({ definedIndex: _d, checked: _c, sinceMs: _s, fellMs: _f, mode: _m, kept: _k, ...config }) => ({
      ...config,
      status: 0 as const,
    }),
  );
  const definition = stringifyDefinition({ ...service, node });
  return { name, definition, defined_index: definedIndex, ...stateRowOfService(service) };
}

/** The part of it that a status changes. */
export function stateRowOfService(service: Service): Pick<ServiceRow, "state" | "modify_index"> {
  return {
    state: JSON.stringify([service.protectedMs, ...service.node.map(written)]),
    modify_index: service.modifyIndex,
  };
}

/**
 * Reads what {@link rowOfService} wrote.
 * @throws BytesError
 */
export function serviceOf(row: ServiceRow): Service {
  const definition = parseDefinition(row.definition);
  if (definition.name !== row.name) throw new BytesError("a service under another name");
  const [protectedMs, ...states] = parseState(row.state, definition.node.length);
  const node = definition.node.map((config, at): ServiceInstance => ({ ...config, ...read(states[at]!) }));
  return { ...definition, node, definedIndex: row.defined_index, modifyIndex: row.modify_index, protectedMs };
}

type Written = readonly [definedIndex: number, bits: number, sinceMs: number, fellMs: number];

function written({ definedIndex, status, checked, kept, mode, sinceMs, fellMs }: ServiceInstance): Written {
  const bits =
    (status === 1 ? BIT.status : 0) |
    (checked ? BIT.checked : 0) |
    (kept ? BIT.kept : 0) |
    (mode === "active" ? 0 : BIT[mode]);
  return [definedIndex, bits, sinceMs, fellMs];
}

function read([definedIndex, bits, sinceMs, fellMs]: Written) {
  const mode: InstanceMode = bits & BIT.draining ? "draining" : bits & BIT.maintenance ? "maintenance" : "active";
  const status: 0 | 1 = bits & BIT.status ? 1 : 0;
  return {
    status,
    definedIndex,
    checked: (bits & BIT.checked) > 0,
    sinceMs,
    fellMs,
    mode,
    kept: (bits & BIT.kept) > 0,
  };
}

function parseState(json: string, instances: number): [protectedMs: number, ...Written[]] {
  let state: unknown;
  try {
    state = JSON.parse(json);
  } catch {
    throw new BytesError("states of a service that are not JSON");
  }
  if (!isState(state, instances)) throw new BytesError("states of a service of unknown shape");
  return state;
}

function isState(state: unknown, instances: number): state is [number, ...Written[]] {
  if (!Array.isArray(state) || state.length !== instances + 1 || !isWhole(state[0])) return false;
  return state.slice(1).every((one) => {
    if (!Array.isArray(one) || one.length !== 4 || !one.every(isWhole)) return false;
    return one[1] <= BITS_MAX && (one[1] & (BIT.draining | BIT.maintenance)) !== (BIT.draining | BIT.maintenance);
  });
}

function isWhole(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
