/**
 * The entry of a run's own process: takes its task as the first message, reports progress as messages, and ends when
 * its parent is gone, so that no run outlives its comparison.
 */
import { resolveEngine } from '@znorm/train';
import type { RunSettings } from './config.ts';
import { evaluateTest } from './evaluate-test.ts';
import { runFolder } from './folder.ts';
import { type RunProgress, train } from './train.ts';

/** What a run's process is told to do. */
export interface Assignment {
  readonly folder: string;
  readonly action: 'train' | 'test';
  readonly settings: RunSettings;
}

/** Milliseconds between reports: more often, nobody could read them. */
const reportEvery = 250;

process.once('disconnect', () => process.exit(1));
// The parent may have gone while the modules above were loaded.
if (!process.connected) process.exit(1);
process.once('message', async ({ folder, action, settings }: Assignment) => {
  let said = 0;
  const report = (progress: RunProgress) => {
    if (performance.now() - said < reportEvery) return;
    said = performance.now();
    process.send?.(progress);
  };
  await { train, test: evaluateTest }[action](runFolder(folder), settings, report);
  process.exit(0);
});
// While the parent still plans. Where it cannot be loaded, the run takes WebAssembly.
resolveEngine('auto').catch(() => {});
