import { describe, expect, test } from 'vitest';
import { createScope, type Scope } from '../../src/layers/scope.ts';
import { encoderDecoder, transformer, transformerEncoder } from '../../src/models/transformer.ts';
import { createGraph, elementCount, input, output, type Value } from '../../src/onnx/graph.ts';
import { randomStream } from '../../src/random.ts';
import { createSession, type TensorView } from '../../src/runtime/session.ts';

type Build = (inputs: Record<string, Value>, scope: Scope) => Value;

function build(shapes: Record<string, readonly number[]>, model: Build, training = false) {
  const graph = createGraph();
  const { scope, declared } = createScope(graph, { training });
  const inputs = Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => [name, input(graph, name, shape, 'int64')]),
  );
  return { graph, y: model(inputs, scope), ...declared };
}

/** Runs a model in evaluation on tokens, with first weights of seed 0, their standard deviations ten times as large. */
async function run(tokens: Record<string, number[][]>, model: Build): Promise<Float32Array> {
  const shapes = Object.fromEntries(
    Object.entries(tokens).map(([name, rows]) => [name, [rows.length, rows[0].length]]),
  );
  const { graph, y, parameters } = build(shapes, model);
  output(y, 'y');
  const feeds: Record<string, TensorView> = {};
  for (const [name, rows] of Object.entries(tokens))
    feeds[name] = { data: BigInt64Array.from(rows.flat(), BigInt), shape: shapes[name] };
  for (const [path, { value, info, initializer }] of parameters) {
    const data = new Float32Array(elementCount(value.shape));
    initializer(data, value.shape, randomStream(0, path));
    // Else scores are so small that attention hardly looks at them.
    if (info.role !== 'normalization') for (let i = 0; i < data.length; i++) data[i] *= 10;
    feeds[path] = { data, shape: value.shape };
  }
  const session = await createSession(graph, { engine: 'native' });
  const data = new Float32Array(elementCount(y.shape));
  await session.run(Object.fromEntries(session.inputNames.map((name) => [name, feeds[name]])), {
    y: { data, shape: y.shape },
  });
  await session.release();
  return data;
}

const small = { vocabulary: 11, context: 6, layers: 2, heads: 2, width: 8 };

describe('transformer', () => {
  test('of 4 layers, width 128, context 128 and 96 tokens has 834,304 parameters', () => {
    const model = transformer({ vocabulary: 96, context: 128, layers: 4, heads: 4, width: 128 });
    const { y, parameters } = build({ tokens: [2, 128] }, ({ tokens }, scope) => model(tokens, scope));
    const infos = [...parameters.values()].map(({ info }) => info);
    expect(infos.reduce((sum, { shape }) => sum + elementCount(shape), 0)).toBe(834_304);
    expect(y.shape).toEqual([2, 128, 96]);
    expect(infos.slice(0, 8).map(({ path, role }) => `${path} ${role}`)).toEqual([
      'embedding/table embedding',
      'positions/table embedding',
      'layer0/attentionNorm/gamma normalization',
      'layer0/attentionNorm/beta normalization',
      'layer0/attention/query/kernel attention',
      'layer0/attention/query/bias bias',
      'layer0/attention/key/kernel attention',
      'layer0/attention/key/bias bias',
    ]);
    expect(infos.filter(({ role }) => role === 'attention')).toHaveLength(16);
  });

  test('says where the heads of attention kernels lie: rows of what makes them, columns of what joins them', () => {
    const model = transformer(small);
    const { parameters } = build({ tokens: [1, 3] }, ({ tokens }, scope) => model(tokens, scope));
    const heads = [...parameters.values()].flatMap(({ info }) => (info.heads ? [info] : []));
    expect(heads.slice(0, 4).map(({ path, heads }) => [path, heads])).toEqual([
      ['layer0/attention/query/kernel', { axis: 0, count: 2 }],
      ['layer0/attention/key/kernel', { axis: 0, count: 2 }],
      ['layer0/attention/value/kernel', { axis: 0, count: 2 }],
      ['layer0/attention/output/kernel', { axis: 1, count: 2 }],
    ]);
    expect(heads).toHaveLength(8);
  });

  test.each(['learned', 'rotary'] as const)(
    'with %s positions sees the past only, and tells positions apart',
    async (positions) => {
      const model = transformer({ ...small, positions });
      const logits = (rows: number[][]) => run({ tokens: rows }, ({ tokens }, scope) => model(tokens, scope));
      const a = await logits([[1, 2, 3, 4, 5]]);
      const b = await logits([[1, 2, 3, 9, 0]]);
      const c = await logits([[2, 1, 3, 4, 5]]);
      const at = (values: Float32Array, t: number) => [...values.subarray(t * 11, (t + 1) * 11)];
      for (const t of [0, 1, 2]) expect(at(b, t)).toEqual(at(a, t));
      for (const t of [3, 4]) expect(at(b, t)).not.toEqual(at(a, t));
      expect(at(c, 2)).not.toEqual(at(a, 2));
    },
  );

  test('shares the embeddings with the output if tied', () => {
    const paths = (tied: boolean) => [
      ...build({ tokens: [1, 3] }, ({ tokens }, scope) =>
        transformer({ ...small, tied })(tokens, scope),
      ).parameters.keys(),
    ];
    expect(paths(false).filter((path) => !paths(true).includes(path))).toEqual(['output/kernel']);
  });

  test('drops embeddings, attention weights and what blocks add, in training only', () => {
    const model = transformer({ ...small, layers: 1, dropout: 0.1, normalization: 'rms' });
    const randoms = (training: boolean) => [
      ...build({ tokens: [1, 3] }, ({ tokens }, scope) => model(tokens, scope), training).randoms.keys(),
    ];
    expect(randoms(false)).toEqual([]);
    expect(randoms(true)).toEqual([
      'dropout/mask',
      'layer0/attention/mask',
      'layer0/attentionDropout/mask',
      'layer0/feedForwardDropout/mask',
    ]);
  });

  test('says what it cannot take', () => {
    const on = (shape: number[], options: object = {}) =>
      build({ tokens: shape }, ({ tokens }, scope) => transformer({ ...small, ...options })(tokens, scope));
    expect(() => on([2, 7])).toThrow(
      new RangeError(
        'transformer: expected at most 6 tokens a sequence, got 7. Raise `context`, or cut the sequences.',
      ),
    );
    expect(() => on([6])).toThrow(new RangeError('transformer: expected tokens of shape [N, T], got [6].'));
    expect(() => on([2, 3], { heads: 3 })).toThrow(
      new RangeError(
        'transformer: expected `layers` >= 1 and `heads` that divide the width, got 2 layers, 3 heads and width 8.',
      ),
    );
    expect(() => on([2, 3], { depth: 3 })).toThrow(
      new TypeError(
        'transformer: unknown option `depth`. Known options: vocabulary, context, layers, heads, width, hidden, dropout, positions, normalization, activation, tied.',
      ),
    );
  });
});

test('a transformer encoder sees all of a sequence but its padding', async () => {
  const model = transformerEncoder({ ...small, padding: 0 });
  const encode = (rows: number[][]) => run({ tokens: rows }, ({ tokens }, scope) => model(tokens, scope));
  const a = await encode([[1, 2, 3]]);
  const b = await encode([[1, 2, 3, 0, 0]]);
  const c = await encode([[1, 2, 4]]);
  // Sums of more terms, of which the last ones are 0 to float32, may be added in another order.
  for (let i = 0; i < a.length; i++) expect(Math.abs(a[i] - b[i])).toBeLessThan(1e-5);
  expect(Math.abs(a[0] - c[0])).toBeGreaterThan(1e-3);
});

test('an encoder-decoder reads the source without its padding, and what it wrote', async () => {
  const model = encoderDecoder({ ...small, sourceVocabulary: 13, padding: 0 });
  const translate: Build = ({ source, target }, scope) =>
    model.decode(target, model.encode(source, scope), source, scope);
  const a = await run({ source: [[12, 2, 3]], target: [[1, 4, 5]] }, translate);
  const padded = await run({ source: [[12, 2, 3, 0]], target: [[1, 4, 5]] }, translate);
  const other = await run({ source: [[12, 2, 4]], target: [[1, 4, 5]] }, translate);
  const later = await run({ source: [[12, 2, 3]], target: [[1, 4, 6]] }, translate);
  for (let i = 0; i < a.length; i++) expect(Math.abs(a[i] - padded[i])).toBeLessThan(1e-5);
  expect(Math.abs(a[0] - other[0])).toBeGreaterThan(1e-4);
  expect(later.subarray(0, 22)).toEqual(a.subarray(0, 22));
});
