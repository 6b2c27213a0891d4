import { defineConfig, type Options } from "tsup";

/** How every package is built: one ESM file for each entry, with its types. */
export function library(...entry: string[]): Options {
  return { entry, format: ["esm"], dts: true, clean: true, target: "node22", sourcemap: true };
}

export { defineConfig };
