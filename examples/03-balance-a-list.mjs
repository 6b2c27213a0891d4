// Choosing one of many, without any cluster: weights and turns.
import { choosePriority, SmoothRoundRobin } from "@dister/balance";

const backends = [
  { name: "a", weight: 3, alive: true },
  { name: "b", weight: 1, alive: true },
  { name: "c", weight: 9, alive: false },
];

const turns = new SmoothRoundRobin({ keyOf: ({ name }) => name });
turns.update(backends);
console.log("in turn:", Array.from({ length: 8 }, () => turns.pick().name).join(" "));

const counts = { a: 0, b: 0, c: 0 };
for (let i = 0; i < 10_000; i++) counts[choosePriority(backends, { next: Math.random }).name]++;
console.log("a about three times as often as b:", counts.a > 2.5 * counts.b && counts.a < 3.5 * counts.b);
console.log("c, which is dead:", counts.c);
// prints: in turn: a a b a a a b a
// prints: a about three times as often as b: true
// prints: c, which is dead: 0
