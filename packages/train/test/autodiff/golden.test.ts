import { describe, expect, test } from 'vitest';
import * as activations from '../../src/autodiff/activation.ts';
import { add, clip, greater, mul } from '../../src/autodiff/arithmetic.ts';
import { attention } from '../../src/autodiff/attention.ts';
import * as binary from '../../src/autodiff/binary-loss.ts';
import { type Conv2dOptions, conv2d, convTranspose2d } from '../../src/autodiff/convolution.ts';
import { softmaxCrossEntropy } from '../../src/autodiff/cross-entropy.ts';
import { gradients } from '../../src/autodiff/gradients.ts';
import { groupNorm } from '../../src/autodiff/group-normalization.ts';
import { gather } from '../../src/autodiff/indexing.ts';
import { layerNorm, rmsNorm } from '../../src/autodiff/layer-norm.ts';
import { huberLoss } from '../../src/autodiff/loss.ts';
import { batchNorm } from '../../src/autodiff/normalization.ts';
import * as overlaps from '../../src/autodiff/overlap-loss.ts';
import { averagePool2d, maxPool2d } from '../../src/autodiff/pooling.ts';
import * as reductions from '../../src/autodiff/reduction.ts';
import { resize } from '../../src/autodiff/resize.ts';
import { rotary } from '../../src/autodiff/rotary.ts';
import { constant, createGraph, elementCount, input, output, type Value } from '../../src/onnx/graph.ts';
import { createSession, type TensorView } from '../../src/runtime/session.ts';
import golden from '../golden/operators.json' with { type: 'json' };
import { relativeError } from './operator-check.ts';

interface Golden {
  readonly name: string;
  readonly shapes: number[][];
  readonly results: number[][];
  readonly gradients: number[][];
}

/** Multiples of 1/512 that operators.py draws too. */
function numbers(shape: readonly number[], seed: number): Float32Array {
  return Float32Array.from(
    { length: elementCount(shape) },
    (_, i) => (((i * 193 + seed * 71) % 1021) - 510) / 512,
  );
}

/** Results and gradients on an engine, in the order in which PyTorch's are stored. */
async function run(shapes: number[][], engine: 'native' | 'wasm', build: (...inputs: Value[]) => Value[]) {
  const graph = createGraph();
  const inputs = shapes.map((shape, k) => input(graph, `input ${k}`, shape));
  const results = build(...inputs);
  const cotangent = (r: Value) => constant(graph, numbers(r.shape, shapes.length + 1), r.shape);
  const loss = reductions.reduceSum(mul(results[0], cotangent(results[0])));
  const wanted = [...results, ...gradients(loss, inputs)];
  for (const [i, value] of wanted.entries()) output(value, `wanted ${i}`);
  const feeds = Object.fromEntries(
    shapes.map((shape, k) => [`input ${k}`, { data: numbers(shape, k + 1), shape }]),
  );
  const fetches: Record<string, TensorView> = Object.fromEntries(
    wanted.map(({ shape }, i) => [`wanted ${i}`, { data: new Float32Array(elementCount(shape)), shape }]),
  );
  const session = await createSession(graph, { engine });
  await session.run(feeds, fetches);
  await session.release();
  return Object.values(fetches).map(({ data }) => data as Float32Array);
}

/**
 * Float32 against PyTorch's float64: sums of at most some hundred products, each rounded by 6e-8, and stored
 * to ten digits. Relative L2 below 1e-6 leaves no room for a wrong term at any border.
 */
function matchesPyTorch(
  cases: readonly Golden[],
  build: (made: Golden, ...inputs: Value[]) => Value[],
): void {
  for (const made of cases)
    test.each(['native', 'wasm'] as const)(`${made.name} (%s)`, async (engine) => {
      const found = await run(made.shapes, engine, (...inputs) => build(made, ...inputs));
      const { mean, variance } = made as { mean?: number[]; variance?: number[] };
      const statistics = mean && variance ? [mean, variance] : [];
      const expected = [...made.results, ...statistics, ...made.gradients];
      expect(found.length).toBe(expected.length);
      for (const [i, values] of expected.entries())
        expect(relativeError(found[i], values), `tensor ${i}`).toBeLessThan(1e-6);
    });
}

// The options are stored as the operator takes them.
const optionsOf = <Options>(made: object) => (made as { options: Options }).options;
const epsOf = (made: object) => made as { eps: number };

describe('conv2d as in PyTorch', () =>
  matchesPyTorch(golden.convolutions, (made, x, kernel, bias) => [
    conv2d(x, kernel, { ...optionsOf<Conv2dOptions>(made), bias }),
  ]));

describe('convTranspose2d as in PyTorch', () =>
  matchesPyTorch(golden.transposed, (made, x, kernel) => [convTranspose2d(x, kernel, optionsOf(made))]));

describe('batchNorm as in PyTorch, with what running statistics are made of', () =>
  matchesPyTorch(golden.batchNorm, (made, x, scale, bias) =>
    Object.values(batchNorm(x, scale, bias, epsOf(made))),
  ));

describe('layerNorm as in PyTorch', () =>
  matchesPyTorch(golden.layerNorm, (made, x, scale, bias) => [layerNorm(x, scale, bias, epsOf(made))]));

describe('maxPool2d as in PyTorch', () =>
  matchesPyTorch(golden.maxPool, (made, x) => [
    maxPool2d(add(x, (made as { shift?: number }).shift ?? 0), optionsOf(made)),
  ]));

describe('averagePool2d as in PyTorch', () =>
  matchesPyTorch(golden.averagePool, (made, x) => [averagePool2d(x, optionsOf(made))]));

describe('gelu as in PyTorch', () =>
  matchesPyTorch(golden.gelu, ({ name }, x) => [
    activations.gelu(mul(x, 4), { approximate: name as 'none' | 'tanh' }),
  ]));

describe('softmaxCrossEntropy as in PyTorch', () =>
  matchesPyTorch(golden.crossEntropy, (made, x) => {
    const labels = BigInt64Array.from((made as unknown as { labels: number[] }).labels, BigInt);
    return [softmaxCrossEntropy(mul(x, 4), constant(x.graph, labels))];
  }));

type Operator = (...inputs: Value[]) => Value;

describe('groupNorm as in PyTorch', () =>
  matchesPyTorch(golden.groupNorm, (made, x, scale, bias) => [
    groupNorm(x, scale, bias, made as unknown as { groups: number; eps: number }),
  ]));

describe('resize as in PyTorch', () =>
  matchesPyTorch(golden.resize, (made, x) => [resize(x, optionsOf(made))]));

describe('activations as in PyTorch', () =>
  matchesPyTorch(golden.activations, ({ name }, x) => [
    (activations as unknown as Record<string, Operator>)[name](mul(x, 6)),
  ]));

describe('prelu as in PyTorch', () =>
  matchesPyTorch(golden.prelu, (_, x, slope) => [activations.prelu(x, slope)]));

describe('clip as in PyTorch', () => matchesPyTorch(golden.clip, (made, x) => [clip(x, optionsOf(made))]));

describe('reductions as in PyTorch', () =>
  matchesPyTorch(golden.reductions, ({ name }, x) => [
    { ...reductions }[name as 'reduceMin'](x, { axes: [1] }),
  ]));

describe('losses of masks as in PyTorch', () =>
  matchesPyTorch(golden.masked, (made, x) => {
    const masks = Float32Array.from((made as unknown as { masks: number[] }).masks);
    const loss = { ...binary, ...overlaps }[made.name as 'diceLoss'];
    return [loss(mul(x, 4), constant(x.graph, masks, x.shape), optionsOf(made))];
  }));

describe('huberLoss as in PyTorch', () =>
  matchesPyTorch(golden.huber, (made, x, y) => [huberLoss(x, y, optionsOf(made))]));

describe('attention as in PyTorch', () =>
  matchesPyTorch(golden.attention, (made, q, k, v) => {
    const { heads, causal, hidden } = made as unknown as {
      heads: number;
      causal: boolean;
      hidden: number[][];
    };
    const [n, s] = k.shape;
    const seen = new Float32Array(n * s).fill(1);
    for (const [sample, key] of hidden) seen[sample * s + key] = 0;
    const mask = greater(constant(q.graph, seen, [n, 1, 1, s]), 0.5);
    return [attention(q, k, v, { heads, causal, ...(hidden.length > 0 && { mask }) })];
  }));

describe('rmsNorm as in PyTorch', () =>
  matchesPyTorch(golden.rmsNorm, (made, x, scale) => [rmsNorm(x, scale, epsOf(made))]));

describe('rotary as products of complex numbers in PyTorch', () =>
  matchesPyTorch(golden.rotary, (made, x) => [rotary(x, made as unknown as { heads: number })]));

describe('softmaxCrossEntropy of sequences as in PyTorch', () =>
  matchesPyTorch(golden.tokenEntropy, (made, x) => {
    const labels = Int32Array.from((made as unknown as { labels: number[] }).labels);
    return [softmaxCrossEntropy(mul(x, 4), constant(x.graph, labels, [2, 3]), optionsOf(made))];
  }));

describe('gather of rows as an embedding in PyTorch', () =>
  matchesPyTorch(golden.embedding, (made, table) => {
    const ids = Int32Array.from((made as unknown as { ids: number[] }).ids);
    return [gather(table, constant(table.graph, ids, [2, 5]))];
  }));
