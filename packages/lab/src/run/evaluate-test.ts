import { restoreCheckpoint } from '@znorm/train/node';
import { type FindTask, taskByName } from '../tasks/tasks.ts';
import type { RunSettings } from './config.ts';
import { appendEvent } from './events.ts';
import { type RunFolder, readRunConfig } from './folder.ts';
import { prepareRun } from './setting.ts';
import { nonFiniteMetric, type RunProgress } from './train.ts';

/**
 * Reads the test samples with the weights that a run ended with, and records a `test` event; a `fail` event if what
 * was measured is not finite.
 */
export async function evaluateTest(
  files: RunFolder,
  settings: RunSettings,
  onProgress: (progress: RunProgress) => void,
  findTask: FindTask = taskByName,
): Promise<void> {
  const config = readRunConfig(files);
  const { test, memory, createTrainer } = await prepareRun(config, settings, findTask);
  const trainer = await createTrainer();
  try {
    const remembered = await restoreCheckpoint(files.checkpoint, trainer);
    if (remembered) memory?.load(remembered);
    const started = performance.now();
    const { metrics, artifacts } = await test(trainer, (share) => {
      const seconds = (performance.now() - started) / 1000;
      onProgress({
        share,
        epoch: config.epochs,
        loss: null,
        metrics: {},
        samplesPerSecond: (share * config.testSize) / seconds,
        secondsLeft: (seconds / share) * (1 - share),
      });
    });
    const { steps: step } = config;
    const failed = nonFiniteMetric('test', metrics, trainer);
    if (failed) {
      const { tensor, message } = failed;
      appendEvent(files.events, { type: 'fail', time: new Date().toISOString(), step, tensor, message });
    } else {
      appendEvent(files.events, { type: 'test', step, metrics, artifacts: artifacts && [...artifacts] });
    }
  } finally {
    await trainer.dispose();
  }
}
