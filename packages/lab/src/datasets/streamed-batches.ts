import { Worker } from 'node:worker_threads';
import { createSampleBatches, type SampleBatch, type SampleBatchSpec } from './sample-batches.ts';
import type { BatchRequest } from './sample-worker.ts';

export interface StreamedBatches {
  /** Of one image. */
  readonly shape: readonly [number, number, number];
  readonly stepsPerEpoch: number;
  /** The batch of a training step, counted from 0. Its arrays are taken back by the next call. */
  at(step: number): Promise<SampleBatch>;
  close(): Promise<void>;
}

/** Batches made beforehand while a step computes. With two, one may be late without anyone waiting. */
const ahead = 2;

/**
 * Training batches, read, moved and standardized by another thread while the trainer computes. Every batch follows from
 * seed and step alone, so a run that is resumed gets what it would have got, and the thread changes no bit.
 *
 * One `Worker` with a queue of its own rather than a pool such as piscina's: the batches of a step must come in order
 * from one reader with open files, and their arrays go back and forth without copies.
 *
 * @throws an expected error if there is not one whole batch
 */
export function streamBatches(spec: SampleBatchSpec): StreamedBatches {
  const here = createSampleBatches(spec);
  const { shape, stepsPerEpoch } = here;
  const free: SampleBatch[] = Array.from({ length: ahead + 1 }, () => here.empty());
  here.close();
  const wanted = new Map<number, PromiseWithResolvers>();
  let lent: SampleBatch | undefined;
  let failure: unknown;

  const fail = (error: unknown) => {
    failure = error;
    for (const { reject } of wanted.values()) reject(error);
  };
  /** The thread starts with the first batch: who only asks for the shape needs none. */
  const start = () => {
    const started = new Worker(workerFile, { workerData: spec });
    // Whoever trains keeps the process alive; a thread that waits should not.
    started.unref();
    started.on('error', fail);
    started.on('exit', () => fail(failure ?? new Error('streamBatches: the thread that reads has ended.')));
    started.on('message', ({ step, batch }: BatchRequest) => wanted.get(step)?.resolve(batch));
    return started;
  };
  let worker: Worker | undefined;

  const request = (step: number, to: Worker) => {
    const batch = wanted.has(step) ? undefined : free.pop();
    if (batch === undefined) return;
    wanted.set(step, withResolvers());
    const { images, targets } = batch;
    to.postMessage({ step, batch } satisfies BatchRequest, [
      images.buffer as ArrayBuffer,
      targets.buffer as ArrayBuffer,
    ]);
  };
  const takeBack = async (step: number) => {
    free.push(await wanted.get(step)!.promise);
    wanted.delete(step);
  };

  return {
    shape,
    stepsPerEpoch,
    async at(step) {
      if (failure !== undefined) throw failure;
      worker ??= start();
      if (lent) free.push(lent);
      lent = undefined;
      // Batches of other steps, made for a training that went on elsewhere, are of no use.
      for (const other of [...wanted.keys()]) if (other < step || other > step + ahead) await takeBack(other);
      for (let coming = step; coming <= step + ahead; coming++) request(coming, worker);
      worker.ref();
      lent = await wanted.get(step)!.promise;
      worker.unref();
      wanted.delete(step);
      return lent;
    },
    async close() {
      await worker?.terminate();
    },
  };
}

/** Tests run the source, which a thread of Node 20 cannot: they take the worker from the build. */
const workerFile = new URL(
  import.meta.url.endsWith('.ts') ? '../../dist/datasets/sample-worker.js' : './sample-worker.js',
  import.meta.url,
);

interface PromiseWithResolvers {
  readonly promise: Promise<SampleBatch>;
  readonly resolve: (batch: SampleBatch) => void;
  readonly reject: (error: unknown) => void;
}

function withResolvers(): PromiseWithResolvers {
  let resolve!: PromiseWithResolvers['resolve'];
  let reject!: PromiseWithResolvers['reject'];
  const promise = new Promise<SampleBatch>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  // A batch that nobody asks for any more must not end the process.
  promise.catch(() => {});
  return { promise, resolve, reject };
}
