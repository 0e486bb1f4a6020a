import { describe, expect, test } from 'vitest';
import { relu } from '../../src/autodiff/activation.ts';
import { convolution } from '../../src/layers/convolution.ts';
import { dense } from '../../src/layers/dense.ts';
import { dropout } from '../../src/layers/dropout.ts';
import { groupNormalization, instanceNormalization } from '../../src/layers/group-normalization.ts';
import { batchNormalization, layerNormalization } from '../../src/layers/normalization.ts';
import { createScope, type Layer } from '../../src/layers/scope.ts';
import { flatten, residual, sequential } from '../../src/layers/sequential.ts';
import { transposedConvolution } from '../../src/layers/transposed-convolution.ts';
import { createGraph, input, output } from '../../src/onnx/graph.ts';
import { toModelBytes } from '../../src/onnx/model.ts';
import { randomStream } from '../../src/random.ts';
import { createSession, type TensorView } from '../../src/runtime/session.ts';

const sizeOf = (shape: readonly number[]) => shape.reduce((size, axis) => size * axis, 1);

/** Builds a layer on an input of a shape, without running it. */
function build(layer: Layer, shape: readonly number[], training = true) {
  const graph = createGraph();
  const { scope, declared } = createScope(graph, { training });
  const y = layer(input(graph, 'x', shape), scope);
  return { graph, y, ...declared };
}

/** Runs a layer on numbers, with the given values for what it declares; gives its result and its buffers' next values. */
async function run(
  layer: Layer,
  x: { shape: readonly number[]; data: readonly number[] },
  given: Record<string, readonly number[]> = {},
  training = true,
): Promise<Record<string, number[]>> {
  const { graph, y, parameters, buffers, randoms } = build(layer, x.shape, training);
  output(y, 'y');
  for (const [path, { next }] of buffers) if (next) output(next, `next ${path}`);
  const session = await createSession(toModelBytes(graph), { engine: 'wasm' });
  const feeds: Record<string, TensorView> = { x: { shape: x.shape, data: Float32Array.from(x.data) } };
  for (const [path, { value }] of [...parameters, ...buffers, ...randoms]) {
    if (!(path in given)) throw new Error(`test: no values for ${path}`);
    feeds[path] = { shape: value.shape, data: Float32Array.from(given[path]) };
  }
  const wanted = [...graph.outputs].map(
    ([name, { shape }]): [string, { shape: readonly number[]; data: Float32Array }] => [
      name,
      { shape, data: new Float32Array(sizeOf(shape)) },
    ],
  );
  await session.run(
    Object.fromEntries(session.inputNames.map((name) => [name, feeds[name]])),
    Object.fromEntries(wanted),
  );
  await session.release();
  return Object.fromEntries(wanted.map(([name, { data }]) => [name, [...data]]));
}

const ramp = (...shape: number[]) => ({ shape, data: Array.from({ length: sizeOf(shape) }, (_, i) => i) });

/** Within a few float32 roundings of numbers up to about 10. */
function expectClose(values: readonly number[], expected: readonly number[]): void {
  expect(values).toHaveLength(expected.length);
  for (const [i, value] of values.entries())
    expect(Math.abs(value - expected[i]), `element ${i}`).toBeLessThan(2e-5);
}

describe('dense', () => {
  test('multiplies by the transposed kernel and adds the bias', async () => {
    const given = { kernel: [1, 2, 3, -1, 0, 1], bias: [10, 20] };
    expect((await run(dense({ units: 2 }), ramp(2, 3), given)).y).toEqual([
      0 + 2 + 6 + 10,
      2 + 20,
      3 + 8 + 15 + 10,
      2 + 20,
    ]);
  });

  test('leaves the bias out if told so, and starts it within 1/sqrt(inputs) otherwise', () => {
    expect([...build(dense({ units: 2, bias: false }), [1, 4]).parameters.keys()]).toEqual(['kernel']);
    const bias = build(dense({ units: 2 }), [1, 4]).parameters.get('bias')!;
    const values = new Float32Array(1000);
    bias.initializer(values, bias.info.shape, randomStream(0, 'bias'));
    expect(Math.max(...values)).toBeGreaterThan(0.49);
    expect(Math.max(...values.map(Math.abs))).toBeLessThanOrEqual(0.5);
  });

  test('asks for a flat input', () => {
    expect(() => build(sequential({ output: dense({ units: 2 }) }), [1, 2, 3])).toThrow(
      new RangeError("dense: expected an input of shape [N, in], got [1,2,3] at 'output'. Add flatten."),
    );
  });
});

describe('convolution', () => {
  test('of odd size keeps the size of the image, also dilated; at stride 2 it halves it', () => {
    const sized = (options: object) =>
      build(convolution({ filters: 4, kernelSize: 3, ...options }), [2, 3, 8, 6]).y.shape;
    expect(sized({})).toEqual([2, 4, 8, 6]);
    expect(sized({ kernelSize: [5, 1] })).toEqual([2, 4, 8, 6]);
    expect(sized({ dilations: 2 })).toEqual([2, 4, 8, 6]);
    expect(sized({ strides: 2 })).toEqual([2, 4, 4, 3]);
    expect(sized({ pads: 0 })).toEqual([2, 4, 6, 4]);
  });

  test('declares an output-first kernel, and a bias that starts at 0', () => {
    const { parameters } = build(convolution({ filters: 6, kernelSize: [3, 5], group: 3 }), [2, 12, 8, 8]);
    const kernel = parameters.get('kernel')!.info;
    expect(kernel).toEqual({ path: 'kernel', shape: [6, 4, 3, 5], outputAxis: 0, role: 'kernel' });
    const { info, initializer } = parameters.get('bias')!;
    const bias = new Float32Array(6).fill(1);
    initializer(bias, info.shape, randomStream(0, 'bias'));
    expect([info.role, ...bias]).toEqual(['bias', 0, 0, 0, 0, 0, 0]);
  });

  test('computes what the operator computes', async () => {
    const given = { kernel: [0, 0, 0, 0, 1, 0, 0, 0, 1], bias: [100] };
    const { y } = await run(convolution({ filters: 1, kernelSize: 3 }), ramp(1, 1, 3, 3), given);
    expect(y).toEqual([0 + 4, 1 + 5, 2, 3 + 7, 4 + 8, 5, 6, 7, 8].map((value) => value + 100));
  });

  test('of even size needs to be told its pads', () => {
    expect(() => convolution({ filters: 1, kernelSize: 2 })).toThrow(
      new RangeError(
        'convolution: expected `pads` for a kernel of even size [2,2], got undefined. Half of it is no whole number.',
      ),
    );
  });
});

describe('batch normalization', () => {
  const given = { gamma: [2, 1], beta: [1, -1], mean: [0.5, 1], variance: [1, 4] };
  const x = { shape: [2, 2, 1, 2], data: [1, 3, 0, 0, 5, 7, 4, 0] };

  test('in training: by the biased statistics of the batch; running ones move a tenth, the variance unbiased', async () => {
    const result = await run(batchNormalization(), x, given);
    // Channel 0 holds 1 3 5 7: mean 4, biased variance 5, unbiased 20/3. Channel 1 holds 0 0 4 0: 1, 3 and 4.
    const [s, t] = [2 / Math.sqrt(5 + 1e-5), 1 / Math.sqrt(3 + 1e-5)];
    const expected = [1 - 3 * s, 1 - s, -1 - t, -1 - t, 1 + s, 1 + 3 * s, -1 + 3 * t, -1 - t];
    expectClose(result.y, expected);
    expectClose(result['next mean'], [0.9 * 0.5 + 0.1 * 4, 0.9 * 1 + 0.1 * 1]);
    expectClose(result['next variance'], [0.9 * 1 + (0.1 * 20) / 3, 0.9 * 4 + 0.1 * 4]);
  });

  test('in evaluation: by the running statistics, which stay', async () => {
    const result = await run(batchNormalization(), x, given, false);
    const [s, t] = [2 / Math.sqrt(1 + 1e-5), 1 / Math.sqrt(4 + 1e-5)];
    const expected = x.data.map((value, i) =>
      Math.floor(i / 2) % 2 === 0 ? 1 + s * (value - 0.5) : -1 + t * (value - 1),
    );
    expectClose(result.y, expected);
    expect(Object.keys(result)).toEqual(['y']);
  });

  test('starts as the identity on standardized data: gain 1, shift 0, mean 0, variance 1', () => {
    const { parameters, buffers } = build(batchNormalization(), [4, 2]);
    const first = ['gamma', 'beta'].map((path) => {
      const values = new Float32Array(1);
      parameters.get(path)!.initializer(values, [1], randomStream(0, path));
      return values[0];
    });
    expect([...first, buffers.get('mean')!.initial, buffers.get('variance')!.initial]).toEqual([1, 0, 0, 1]);
  });
});

test('layer normalization standardizes each row by its own statistics', async () => {
  const x = { shape: [2, 4], data: [1, 2, 3, 4, 0, 0, 0, 8] };
  const { y } = await run(layerNormalization(), x, { gamma: [1, 1, 1, 2], beta: [0, 0, 0, 1] });
  const [s, t] = [1 / Math.sqrt(1.25 + 1e-5), 1 / Math.sqrt(12 + 1e-5)];
  expectClose(y, [-1.5 * s, -0.5 * s, 0.5 * s, 3 * s + 1, -2 * t, -2 * t, -2 * t, 12 * t + 1]);
});

test('group normalization standardizes each sample by groups of channels, alike in training and evaluation', async () => {
  const x = { shape: [1, 4, 1, 2], data: [1, 3, 5, 7, 0, 0, 2, 2] };
  const given = { gamma: [1, 1, 1, 2], beta: [0, 0, 0, 5] };
  const [s, t] = [1 / Math.sqrt(5 + 1e-5), 1 / Math.sqrt(1 + 1e-5)];
  const expected = [-3 * s, -s, s, 3 * s, -t, -t, 2 * t + 5, 2 * t + 5];
  expectClose((await run(groupNormalization({ groups: 2 }), x, given)).y, expected);
  expectClose((await run(groupNormalization({ groups: 2 }), x, given, false)).y, expected);
});

test('instance normalization standardizes each channel of each sample', async () => {
  const x = { shape: [1, 2, 1, 2], data: [1, 3, 10, 30] };
  const [s, t] = [1 / Math.sqrt(1 + 1e-5), 10 / Math.sqrt(100 + 1e-5)];
  const { y } = await run(instanceNormalization(), x, { gamma: [1, 2], beta: [0, 1] });
  expectClose(y, [-s, s, 1 - 2 * t, 1 + 2 * t]);
});

test('a transposed convolution with kernel and strides 2 makes each pixel a square, and names its output axis', async () => {
  const layer = transposedConvolution({ filters: 1, kernelSize: 2, strides: 2 });
  const { y } = await run(
    layer,
    { shape: [1, 1, 1, 2], data: [1, 10] },
    { kernel: [1, 2, 3, 4], bias: [0.5] },
  );
  expect(y).toEqual([1.5, 2.5, 10.5, 20.5, 3.5, 4.5, 30.5, 40.5]);
  const { parameters } = build(layer, [1, 3, 2, 2]);
  expect(parameters.get('kernel')!.info).toEqual({
    path: 'kernel',
    shape: [3, 1, 2, 2],
    outputAxis: 1,
    role: 'kernel',
  });
  expect(() => build(layer, [3, 2])).toThrow(
    "transposedConvolution: expected an input of shape [N, C, H, W], got [3,2] at ''.",
  );
});

describe('dropout', () => {
  const layer = dropout({ rate: 0.25 });

  test('multiplies by its mask in training and passes through in evaluation', async () => {
    const mask = [0, 4 / 3, 4 / 3, 0];
    expect((await run(layer, ramp(2, 2), { mask })).y).toEqual([0, 4 / 3, 8 / 3, 0].map(Math.fround));
    expect((await run(layer, ramp(2, 2), {}, false)).y).toEqual([0, 1, 2, 3]);
  });

  test('drops a quarter and scales the rest so that the mean stays', () => {
    const { fill } = build(layer, [10]).randoms.get('mask')!;
    const mask = new Float32Array(100_000);
    fill(mask, randomStream(0, 'mask', 0));
    expect([...new Set(mask)].sort()).toEqual([0, Math.fround(4 / 3)]);
    const dropped = mask.filter((value) => value === 0).length / mask.length;
    // Four standard errors, sqrt(0.25 · 0.75 / 100,000).
    expect(Math.abs(dropped - 0.25)).toBeLessThan(4 * 0.00137);
  });

  test('of rate 0 adds nothing to the graph; of rate 1 is refused', () => {
    expect(build(dropout({ rate: 0 }), [4]).graph.nodes).toHaveLength(0);
    expect(() => dropout({ rate: 1 })).toThrow(
      new RangeError('dropout: expected `rate` to be a number >= 0 and < 1, got 1.'),
    );
  });
});

describe('composition', () => {
  test('names in sequence become paths; lists are numbered; operators are layers as they stand', () => {
    const model = sequential({
      stem: sequential([dense({ units: 3 }), relu, batchNormalization()]),
      output: dense({ units: 2 }),
    });
    const { parameters, buffers } = build(model, [2, 4]);
    expect([...parameters.keys()]).toEqual([
      'stem/0/kernel',
      'stem/0/bias',
      'stem/2/gamma',
      'stem/2/beta',
      'output/kernel',
      'output/bias',
    ]);
    expect([...buffers.keys()]).toEqual(['stem/2/mean', 'stem/2/variance']);
  });

  test('a residual adds its input, or what the shortcut makes of it', async () => {
    const double: Layer = (x, scope) => dense({ units: 2, bias: false })(x, scope);
    const kernel = [2, 0, 0, 2];
    expect((await run(residual(double), ramp(1, 2), { kernel })).y).toEqual([0, 3]);
    const given = { kernel, 'shortcut/kernel': [0, 10, 10, 0] };
    expect((await run(residual(double, double), ramp(1, 2), given)).y).toEqual([10, 2]);
  });

  test('flatten keeps the batch', () => {
    expect(build(flatten, [5, 2, 3, 4]).y.shape).toEqual([5, 24]);
  });

  test('two layers in one scope are refused by path', () => {
    const twice: Layer = (x, scope) => dense({ units: 4 })(dense({ units: 4 })(x, scope), scope);
    expect(() => build(sequential({ both: twice }), [1, 4])).toThrow(
      new RangeError(
        "scope: expected a name not used before, got 'both/kernel' a second time. Give each layer a scope of its own: scope.child(name).",
      ),
    );
  });

  test('a buffer is updated with a value of its own shape', () => {
    const wrong: Layer = (x, scope) => {
      scope.buffer('mean', [3], 0);
      scope.updateBuffer('mean', x);
      return x;
    };
    expect(() => build(wrong, [1, 4])).toThrow(
      new RangeError("scope: expected a value of shape [3], got shape [1,4] at 'mean'."),
    );
  });

  test.each<[string, () => unknown, string]>([
    [
      'convolution',
      () => convolution({ filters: 1, kernelSize: 3, stride: 2 } as never),
      'convolution: unknown option `stride`. Known options: filters, kernelSize, strides, pads, dilations, group, bias, initializer.',
    ],
    [
      'dense',
      () => dense({ unit: 2 } as never),
      'dense: unknown option `unit`. Known options: units, bias, initializer.',
    ],
    [
      'batchNormalization',
      () => batchNormalization({ epsilon: 1 } as never),
      'batchNormalization: unknown option `epsilon`. Known options: eps, momentum.',
    ],
  ])('%s refuses an option it does not have', (_, action, message) => {
    expect(action).toThrow(new TypeError(message));
  });
});
