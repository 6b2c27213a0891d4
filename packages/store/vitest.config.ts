import { defineConfig } from "vitest/config";

export default defineConfig({
  ssr: { resolve: { conditions: ["@dister/source"] } },
  // The disk of a shared machine can be slow; no test of this package waits for time to pass.
  test: { testTimeout: 30_000, name: "@dister/store", include: ["src/**/*.test.ts", "test/**/*.test.ts"] },
});
