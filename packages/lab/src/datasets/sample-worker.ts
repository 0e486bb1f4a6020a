/** The thread in which `streamBatches` has batches made. */
import { parentPort, workerData } from 'node:worker_threads';
import { createSampleBatches, type SampleBatch, type SampleBatchSpec } from './sample-batches.ts';

/** A batch that is wanted, with the arrays to fill; it comes back filled. */
export interface BatchRequest {
  readonly step: number;
  readonly batch: SampleBatch;
}

const batches = createSampleBatches(workerData as SampleBatchSpec);
parentPort?.on('message', ({ step, batch }: BatchRequest) => {
  batches.fill(step, batch);
  const { images, targets } = batch;
  // Handed over, not copied.
  parentPort?.postMessage({ step, batch }, [images.buffer as ArrayBuffer, targets.buffer as ArrayBuffer]);
});
