import { defineConfig } from "vitest/config";

export default defineConfig({
  ssr: { resolve: { conditions: ["@dister/source"] } },
  test: { name: "@dister/console", include: ["src/**/*.test.ts", "test/**/*.test.ts"] },
});
