for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));

/** Has something done, without awaiting, when this process ends, also when it is interrupted. */
export function atExit(clean) {
  process.once("exit", clean);
}
