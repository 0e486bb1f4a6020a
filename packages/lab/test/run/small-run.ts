import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { resolveEngine } from '@znorm/train';
import { withLearningRate } from '../../src/methods.ts';
import type { RunConfig, RunSettings } from '../../src/run/config.ts';
import { type RunEvent, readEvents } from '../../src/run/events.ts';
import { openRunFolder, type RunFolder, runFolder } from '../../src/run/folder.ts';
import type { ProcessorEngine } from '../../src/sweep/plan.ts';
import { wholeBatches } from '../../src/tasks/recipe.ts';

const engine = (await resolveEngine('auto')) as ProcessorEngine;

/** A network with batch normalization under a method and an optimizer with state: all that a resume must bring back. */
export function smallConfig(changes: Partial<RunConfig> = {}): RunConfig {
  const config = {
    task: 'mnist',
    model: 'resnet8',
    method: 'znorm',
    gradientChain: ['znorm'],
    learningRate: 0.01,
    seed: 0,
    epochs: 3,
    batchSize: 8,
    trainSize: 36,
    validationSize: 16,
    testSize: 20,
    settings: { augment: true },
    engine,
    ...changes,
  };
  const steps = wholeBatches(config);
  const schedule = { cosine: { from: config.learningRate, steps } };
  const adam = withLearningRate([{ adam: { learningRate: '$learningRate' } }], schedule);
  return { optimizerChain: adam, steps, ...config };
}

/** A new run, in a folder of its own below `root`. */
export function newRun(root: string, config: RunConfig = smallConfig()): RunFolder {
  const files = runFolder(mkdtempSync(join(root, 'run-')));
  openRunFolder(files, config);
  return files;
}

export function settingsOf(cache: string, changes: Partial<RunSettings> = {}): RunSettings {
  return { threads: 1, cache, checkpointSeconds: 0, ...changes };
}

/** What a run recorded, less its times, and its final state, bit for bit. */
export function outcome(files: RunFolder): { record: Partial<RunEvent>[]; state: string } {
  const record = readEvents(files.events).map((event) => ({ ...event, time: undefined, stepMs: undefined }));
  const state = createHash('sha1').update(readFileSync(files.checkpoint)).digest('hex');
  return { record, state };
}
