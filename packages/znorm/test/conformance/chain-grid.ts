/** The conformance grid: the chains that every backend takes five steps of, and the steps of plain arrays. */
import {
  type ArrayTensor,
  applyUpdates,
  fromJSON,
  init,
  type Named,
  type TransformationJson,
  update,
} from '../../src/index.ts';
import { describeVariable } from '../../src/tfjs/describe-variable.ts';
import { gradientParts, optimizerParts } from '../fused/chains.ts';
import { randomNumbers, randomTensors } from '../fused/random-gradients.ts';

const rate = { sgd: { learningRate: 0.01 } };

/** What the kernel does not know. */
const others: Readonly<Record<string, readonly TransformationJson[]>> = {
  ...Object.fromEntries(
    ['lion', 'nadam', 'adamax', 'adagrad', 'adadelta', 'lamb', 'novograd', 'muon', 'scheduleFreeAdamw'].map(
      (name) => [`znorm, ${name}`, ['znorm', { [name]: { learningRate: 0.01 } }]],
    ),
  ),
  lars: [{ lars: { learningRate: 0.1 } }],
  'micro-batches, znorm, adam': [{ accumulate: { steps: 2 } }, 'znorm', { adam: { learningRate: 0.01 } }],
  'adam, lookahead': [{ adam: { learningRate: 0.01 } }, { lookahead: { syncPeriod: 2 } }],
  'adam, average of parameters': [{ adam: { learningRate: 0.01 } }, { emaOfParams: { decay: 0.9 } }],
  'clipped by block': ['scaleByAdam', { clipByBlockRms: { maxRms: 0.5 } }, rate],
  'by the average norm': ['normalizeByNormAverage', rate],
  'large steps skipped': [{ skipLargeUpdates: { maxNorm: 500 } }, { momentum: { learningRate: 1e-4 } }],
  'kernels one way, the rest another': [
    {
      partition: {
        rules: [{ select: { role: 'kernel' }, transformation: ['znorm', { adam: { learningRate: 0.01 } }] }],
        otherwise: { sgd: { learningRate: 1e-4 } },
      },
    },
  ],
};

/** Every chain that is tried: each gradient part before AdamW, and each optimizer behind znorm. */
export const chains: Readonly<Record<string, TransformationJson>> = {
  ...Object.fromEntries(
    Object.entries(gradientParts).map(([name, parts]) => [
      `${name}, AdamW`,
      [...parts, ...optimizerParts.adamw],
    ]),
  ),
  ...Object.fromEntries(
    Object.entries(optimizerParts).map(([name, parts]) => [`znorm, ${name}`, ['znorm', ...parts]]),
  ),
  ...others,
};

/** Names and shapes as TensorFlow.js has them; odd sizes, one element, and a kernel with units on an inner axis. */
export const infos = [
  describeVariable('conv_Conv2D1/kernel', [3, 3, 2, 5]),
  describeVariable('conv_Conv2D1/bias', [5]),
  describeVariable('up_Conv2DTranspose1/kernel', [1, 4, 3, 2]),
  describeVariable('norm_BatchNormalization1/gamma', [17]),
  describeVariable('dense_Dense1/kernel', [37, 7]),
  describeVariable('temperature', [1]),
];
export const byPath = Object.fromEntries(infos.map((info) => [info.path, info]));

const random = randomNumbers(1);
// As large as what five steps make of it, so that an error of the steps is not lost beside it.
export const start = randomTensors(infos, random, (x) => 0.01 * x);
export const gradients = Array.from({ length: 5 }, () =>
  randomTensors(infos, random, (x, i) => (x + 0.1) * 3 ** i),
);

/** By variable, the largest difference from plain arrays over the largest value. */
export function errorsAgainstArrays(
  json: TransformationJson,
  found: Readonly<Record<string, ArrayLike<number>>>,
): Record<string, number> {
  const expected = onArrays(json);
  return Object.fromEntries(
    infos.map(({ path }) => {
      const values = Array.from(expected[path].data);
      const difference = Math.max(...values.map((value, k) => Math.abs(found[path][k] - value)));
      return [path, difference / Math.max(...values.map(Math.abs))];
    }),
  );
}

function onArrays(json: TransformationJson): Named<ArrayTensor> {
  const transformation = fromJSON(json);
  let params = start;
  let state = init(transformation, params, byPath);
  for (const gradient of gradients) {
    const result = update(transformation, gradient, state, params, byPath);
    params = applyUpdates(params, result.updates);
    state = result.state;
  }
  return params;
}
