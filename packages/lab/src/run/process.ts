/**
 * The entry of a run's own process: takes its task as the first message, reports progress as messages, and ends when
 * its parent is gone, so that no run outlives its comparison.
 */
import type { RunSettings } from './config.ts';
import { runFolder } from './folder.ts';
import { evaluateTest, train } from './run.ts';

interface Assignment {
  readonly folder: string;
  readonly action: 'train' | 'test';
  readonly settings: RunSettings;
}

process.once('disconnect', () => process.exit(1));
process.once('message', async (assignment: Assignment) => {
  const carryOut = assignment.action === 'train' ? train : evaluateTest;
  await carryOut(runFolder(assignment.folder), assignment.settings, (progress) => process.send?.(progress));
  process.exit(0);
});
