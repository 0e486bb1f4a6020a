import type { Reporter, TestModule } from 'vitest/node';

/** Ends the test output with one plain line, `N passed, N failed[, N skipped]`, for people and machines. */
export default class ClosingLineReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const count = { passed: 0, failed: 0, skipped: 0 };
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const state = test.result().state;
        count[state === 'passed' || state === 'failed' ? state : 'skipped']++;
      }
      // A module that cannot even be imported holds no tests; it must still count as a failure.
      if (module.errors().length > 0) count.failed++;
    }
    count.failed += unhandledErrors.length;
    const skipped = count.skipped > 0 ? `, ${count.skipped} skipped` : '';
    // Vitest prints its own summary in the same hook; let it finish, so that this line is the last one.
    process.once('exit', () =>
      process.stdout.write(`\n${count.passed} passed, ${count.failed} failed${skipped}\n`),
    );
  }
}
