import { defineConfig } from "vitest/config";

export default defineConfig({
  ssr: { resolve: { conditions: ["@dister/source"] } },
  test: {
    name: "@dister/server",
    testTimeout: 20_000,
    hookTimeout: 20_000,
    include: ["src/**/*.test.ts", "test/**/*.test.ts"],
  },
});
