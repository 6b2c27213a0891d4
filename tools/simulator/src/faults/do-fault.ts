import type { Cluster } from "../world/cluster.ts";
import type { Fault } from "./plan.ts";

/** Does one fault, and undoes it when its time is over. */
export type DoFault = (cluster: Cluster, fault: Fault) => void;
