import { loadImageDataset } from '@znorm/lab';
import {
  classification,
  createTrainer,
  createTrainingBatches,
  type GradientStep,
  resnet,
} from '@znorm/train';
import {
  type ArrayTensor,
  adamw,
  chain,
  cosine,
  type GradientTransformation,
  init,
  type Named,
  type State,
  update,
  znorm,
} from 'znorm';
import { type BenchOptions, chosenCases, digits, type Result } from './interleave.ts';
import { statisticsModes } from './statistics-modes.ts';

const { exact: _, ...cheaper } = statisticsModes;
const steps = 300;
const batchSize = 64;
/** Kernels have more elements than this, everything else of the network fewer. */
const largestSmall = 100;

/**
 * How far cheaper statistics lead from exact ones, on the gradients of a real run: ResNet-20 on CIFAR-10, 300 steps
 * of 64 images with znorm and AdamW. At each step every mode standardizes the same gradient g, and its result û is
 * compared with the exact one, tensor by tensor:
 *
 *     deviation = ‖û − u‖ / ‖u‖
 *
 * `statistics/resnet20-<kernels | others>/<mode>` is the median over steps and tensors, in per cent; the report also
 * tells the 95th percentile and the largest.
 */
export async function* run({ cases, threads, report }: BenchOptions): AsyncGenerator<Result> {
  const modes = chosenCases(cheaper, cases);
  const data = await loadImageDataset('cifar10');
  const batches = createTrainingBatches(
    { images: data.train.images, labels: data.train.labels, shape: data.shape },
    { batchSize, seed: 0, normalization: data.normalization, augmentation: { crop: 4, flip: true } },
  );
  const watched = modes.map(([name, statistics]) => watch(name, znorm({ statistics })));
  const exact = znorm();
  const trainer = await createTrainer({
    objective: classification({ model: resnet({ depth: 20, classes: 10 }), input: { shape: data.shape } }),
    optimizer: chain(exact, adamw({ learningRate: cosine({ from: 1e-3, steps }) })),
    batchSize,
    threads,
    onGradients(step) {
      const { gradients, parameters, infos } = step;
      const nothingKept = init(exact, parameters, infos);
      const { updates } = update(exact, gradients, nothingKept, parameters, infos);
      for (const one of watched) one.look(step, updates);
    },
  });
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) losses.push((await trainer.step(batches.at(step))).loss);
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  report(`loss ${mean(losses.slice(0, 10)).toFixed(2)} → ${mean(losses.slice(-10)).toFixed(2)}`);
  await trainer.dispose();

  for (const { name, deviations } of watched) {
    for (const [kind, values] of Object.entries(deviations)) {
      const sorted = values.toSorted((a, b) => a - b);
      const [median, most, all] = [0.5, 0.95, 1].map((share) => {
        return digits(100 * sorted[Math.ceil(share * sorted.length) - 1]);
      });
      report(`${name}, ${kind}: median ${median} %, 95 % below ${most} %, largest ${all} %`);
      yield {
        key: `statistics/resnet20-${kind}/${name}`,
        name: `deviation from exact statistics, ${kind} of ResNet-20, statistics ${JSON.stringify(statisticsModes[name])}`,
        value: median,
        unit: '%',
      };
    }
  }
}

/** A transformation beside the run: it sees every gradient and changes nothing. */
function watch(name: string, transformation: GradientTransformation) {
  let state: State<ArrayTensor> | undefined;
  const deviations: Record<'kernels' | 'others', number[]> = { kernels: [], others: [] };
  return {
    name,
    deviations,
    look({ step, gradients, parameters, infos }: GradientStep, exact: Named<ArrayTensor>) {
      state ??= init(transformation, parameters, infos);
      const result = update(transformation, gradients, state, parameters, infos);
      state = result.state;
      // The first statistics of a moving average are exact.
      if (step === 0) return;
      for (const [path, { data }] of Object.entries(exact)) {
        const kind = data.length > largestSmall ? 'kernels' : 'others';
        deviations[kind].push(relativeDistance(result.updates[path].data, data));
      }
    },
  };
}

function relativeDistance(a: ArrayTensor['data'], b: ArrayTensor['data']): number {
  let distance = 0;
  let norm = 0;
  for (let i = 0; i < b.length; i++) {
    distance += (a[i] - b[i]) ** 2;
    norm += b[i] ** 2;
  }
  return Math.sqrt(distance / norm);
}
