import type { Reporter, TestModule } from "vitest/node";

/**
 * Prints the plain count `N passed, N failed`, with `, N skipped` where there are any, as the very last line of a test run.
 * Counts every test once, every file that failed outside a test (an import error, a failing hook, a crashed worker)
 * as one failure, and every error that belongs to no file as one failure.
 */
export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const count = { passed: 0, failed: errors.length, skipped: 0, pending: 0 };
    for (const module of modules) {
      let here = 0;
      for (const test of module.children.allTests()) {
        count[test.result().state]++;
        here++;
      }
      if (!module.ok() && (here === 0 || module.errors().length > 0)) count.failed++;
    }
    if (count.passed + count.failed === 0) process.exitCode = 1;
    const skipped = count.skipped + count.pending;
    const line = `${count.passed} passed, ${count.failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}\n`;
    process.once("exit", () => process.stdout.write(line));
  }
}
