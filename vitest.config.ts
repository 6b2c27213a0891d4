import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: ["packages/*", "apps/*", "tools/*/vitest.config.ts", "examples"],
    reporters: ["default", "./tools/ci/src/closing-line.ts"],
    passWithNoTests: false,
  },
});
