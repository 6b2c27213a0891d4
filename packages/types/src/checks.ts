import type { NodeId } from "./ids.ts";
import type { Status } from "./node-info.ts";
import type { InstanceState, ServiceType } from "./service.ts";

/** What one observer's checks of an instance come to. */
export interface ObserverChecks {
  /** Who checks. */
  readonly node: NodeId;
  readonly state: "passing" | "critical" | "unknown";
  /** Why, of the last check: one line that holds nothing that the target sent but a status code. */
  readonly output: string;
  /** Smoothed time of the successful checks in milliseconds; null while none has succeeded. */
  readonly latencyMs: number | null;
  /** Checks since this observer began with the instance as it is defined now. */
  readonly checks: number;
}

/** An instance and what its checks have found: an element of the reply of `GET /service/checks`. */
export interface InstanceChecks {
  readonly id: string;
  readonly state: InstanceState;
  /** 1: may be chosen. */
  readonly status: Status;
  /** When the checks last decided another status, ISO 8601; absent before they have. */
  readonly since?: string;
  /** Critical, and used all the same: its service is protected. */
  readonly kept: boolean;
  /** Those that were heard; the majority of all that are to judge it decides. */
  readonly observers: readonly ObserverChecks[];
}

export interface ServiceChecks {
  readonly name: string;
  readonly type: ServiceType;
  /** A mass failure is taken for one of the network: see docs/guides/health-checks.md. */
  readonly protected: boolean;
  readonly instances: readonly InstanceChecks[];
}
