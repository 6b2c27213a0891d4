import { defineConfig } from "vitest/config";

export default defineConfig({
  ssr: { resolve: { conditions: ["@dister/source"] } },
  test: { name: "simulator", include: ["src/**/*.test.ts", "test/**/*.test.ts"], testTimeout: 120_000 },
});
