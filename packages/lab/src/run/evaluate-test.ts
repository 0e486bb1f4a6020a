import { batchesInOrder, type LabelledBatch } from '@znorm/train';
import { restoreCheckpoint } from '@znorm/train/node';
import { type RunSettings, stepsOf } from './config.ts';
import { appendEvent } from './events.ts';
import { type RunFolder, readRunConfig } from './folder.ts';
import { prepareRun } from './setting.ts';
import { nonFiniteLoss, type RunProgress } from './train.ts';

/**
 * Reads the test images with the weights that a run ended with, and records a `test` event; a `fail` event if the
 * loss is not finite.
 */
export async function evaluateTest(
  files: RunFolder,
  settings: RunSettings,
  onProgress: (progress: RunProgress) => void,
): Promise<void> {
  const config = readRunConfig(files);
  const { splits, normalization, createTrainer } = await prepareRun(config, settings);
  const trainer = await createTrainer();
  try {
    await restoreCheckpoint(files.checkpoint, trainer);
    const batches = batchesInOrder(splits.test, { batchSize: config.batchSize, normalization });
    const { loss, counts, count } = await trainer.evaluate(
      watched(batches, splits.test.labels.length, (progress) =>
        onProgress({ ...progress, epoch: config.epochs }),
      ),
    );
    const step = stepsOf(config);
    if (Number.isFinite(loss)) {
      appendEvent(files.events, {
        type: 'test',
        step,
        testAccuracy: counts.correct / count,
        testLoss: loss,
        count,
      });
    } else {
      const { tensor, message } = nonFiniteLoss('test', loss, trainer);
      appendEvent(files.events, { type: 'fail', time: new Date().toISOString(), step, tensor, message });
    }
  } finally {
    await trainer.dispose();
  }
}

/** The same batches, with word of how far they are. */
function* watched(
  batches: Iterable<LabelledBatch>,
  count: number,
  onProgress: (progress: Omit<RunProgress, 'epoch'>) => void,
): Generator<LabelledBatch> {
  const started = performance.now();
  let seen = 0;
  for (const batch of batches) {
    yield batch;
    seen += batch.labels.length;
    const seconds = (performance.now() - started) / 1000;
    onProgress({
      share: seen / count,
      loss: null,
      accuracy: null,
      imagesPerSecond: seen / seconds,
      secondsLeft: (seconds / seen) * (count - seen),
    });
  }
}
