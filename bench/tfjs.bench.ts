import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import { adam, adamw, chain, znorm } from 'znorm';
import { tfjsOptimizer } from 'znorm/tfjs';
import {
  type BenchOptions,
  chosenCases,
  interleave,
  median,
  type Result,
  type Rival,
  spread,
} from './interleave.ts';

const cases = {
  cpu: (options: BenchOptions) => againstAdam('cpu', options),
  wasm: (options: BenchOptions) => againstAdam('wasm', options),
  kernels: launches,
};

/**
 * The optimizer's step alone, inside TensorFlow.js, on the 65 tensors of a ResNet-20: `applyGradients` with gradients
 * that are there.
 *
 * - `tfjs/<backend>/znorm-adamw`: the time of znorm + AdamW over that of `tf.train.adam` alone.
 * - `tfjs/<backend>/adam`: the time of our Adam over that of theirs.
 * - `tfjs/kernels/<where>`: operations of TensorFlow.js that a step of znorm + AdamW launches for each tensor.
 */
export async function* run(options: BenchOptions): AsyncGenerator<Result> {
  for (const [, measure] of chosenCases(cases, options.cases)) yield* measure(options);
}

async function* againstAdam(backend: 'cpu' | 'wasm', { report }: BenchOptions): AsyncGenerator<Result> {
  await useBackend(backend);
  const optimizers = {
    theirs: tf.train.adam(1e-3),
    adam: tfjsOptimizer(adam()),
    znormAdamw: tfjsOptimizer(chain(znorm(), adamw())),
  };
  const rivals = Object.entries(optimizers).map(([name, optimizer]) => timed(name, optimizer));
  const times = await interleave(rivals, { rounds: 11, steps: 30 });
  const over = (name: string) => times[name].map((ms, round) => ms / times.theirs[round]);
  report(
    `${backend}: tf.train.adam ${spread(times.theirs)} ms, adam ${spread(times.adam)} ms, znorm + AdamW ${spread(times.znormAdamw)} ms; over tf.train.adam ${spread(over('adam'))} and ${spread(over('znormAdamw'))}`,
  );
  yield {
    key: `tfjs/${backend}/znorm-adamw`,
    name: `znorm + AdamW through znorm/tfjs, ${backend} backend: time over tf.train.adam alone`,
    value: digits(median(over('znormAdamw'))),
    unit: 'ratio',
  };
  yield {
    key: `tfjs/${backend}/adam`,
    name: `Adam through znorm/tfjs, ${backend} backend: time over tf.train.adam`,
    value: digits(median(over('adam'))),
    unit: 'ratio',
  };
}

async function* launches(): AsyncGenerator<Result> {
  await useBackend('cpu');
  for (const updateOn of ['host', 'device'] as const) {
    const optimizer = tfjsOptimizer(chain(znorm(), adamw()), { updateOn });
    const gradients = variables('kernels');
    optimizer.applyGradients(gradients);
    const { kernels } = await tf.profile(() => void optimizer.applyGradients(gradients));
    // A new shape for the same data is no work on any backend.
    const launched = kernels.filter(({ name }) => !['Identity', 'Reshape'].includes(name));
    yield {
      key: `tfjs/kernels/${updateOn}`,
      name: `znorm + AdamW through znorm/tfjs, on the ${updateOn}: operations launched a tensor`,
      value: digits(launched.length / shapes.length),
      unit: 'operations',
    };
    tf.disposeVariables();
  }
}

async function useBackend(backend: string): Promise<void> {
  const require = createRequire(import.meta.url);
  setWasmPaths(join(dirname(require.resolve('@tensorflow/tfjs-backend-wasm/package.json')), 'dist/'));
  tf.enableProdMode();
  await tf.setBackend(backend);
}

/** A ResNet-20 for images of 32 × 32, as TensorFlow.js lays it out. */
const shapes: readonly (readonly number[])[] = [
  ...convolution(3, 3, 16),
  ...[
    [16, 16],
    [16, 32],
    [32, 64],
  ].flatMap(([before, width]) => [
    ...convolution(3, before, width),
    ...(before === width ? [] : convolution(1, before, width)),
    ...Array.from({ length: 5 }, () => convolution(3, width, width)).flat(),
  ]),
  [64, 10],
  [10],
];

/** The kernel, and gain and shift of its batch normalization. */
function convolution(size: number, inputs: number, outputs: number): number[][] {
  return [[size, size, inputs, outputs], [outputs], [outputs]];
}

/** Variables of these shapes, and a gradient for each. */
function variables(group: string): Record<string, tf.Tensor> {
  const gradients = shapes.map((shape, i) => {
    const name = `${group}/${i}/kernel`;
    tf.tidy(() => tf.variable(tf.randomNormal([...shape]), true, name));
    return [name, tf.randomNormal([...shape], 0, 0.01, 'float32', i)];
  });
  return Object.fromEntries(gradients);
}

function timed(name: string, optimizer: tf.Optimizer): Rival {
  const gradients = variables(`${name}${tf.getBackend()}`);
  return {
    name,
    async measure(steps) {
      return Array.from({ length: steps }, () => {
        const start = performance.now();
        optimizer.applyGradients(gradients);
        return performance.now() - start;
      });
    },
  };
}

function digits(value: number): number {
  return Number(value.toPrecision(3));
}
