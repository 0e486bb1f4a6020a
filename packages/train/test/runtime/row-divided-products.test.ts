import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { type GemmOptions, gemm, matmul } from '../../src/autodiff/matmul.ts';
import { createGraph, type Graph, input, output, type Value } from '../../src/onnx/graph.ts';
import { divideProductsByRows } from '../../src/runtime/row-divided-products.ts';
import { createSession } from '../../src/runtime/session.ts';
import { relativeError } from '../autodiff/operator-check.ts';

const operators = (graph: Graph) => divideProductsByRows(graph).nodes.map(({ opType }) => opType);

function graphOf(shapes: readonly (readonly number[])[], build: (...inputs: Value[]) => Value): Graph {
  const graph = createGraph();
  output(build(...shapes.map((shape, i) => input(graph, `x${i}`, shape))), 'y');
  return graph;
}

const waves = (count: number, seed: number) =>
  Float32Array.from({ length: count }, (_, i) => Math.sin(i * 1.7 + seed));
const elements = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

async function run(graph: Graph, threads: number): Promise<Float32Array> {
  const session = await createSession(graph, { engine: 'native', threads });
  const { shape } = graph.outputs.get('y')!;
  const y = { shape, data: new Float32Array(elements(shape)) };
  const feeds = graph.inputs.map(({ name, shape }, i) => [name, { shape, data: waves(elements(shape), i) }]);
  await session.run(Object.fromEntries(feeds), { y });
  await session.release();
  return y.data;
}

describe('products that are divided by columns and have more than one block of terms', () => {
  const product = (m: number, k: number, n: number) =>
    operators(
      graphOf(
        [
          [m, k],
          [k, n],
        ],
        (a, b) => gemm(a, b),
      ),
    );

  test('are turned, others are left as they are', () => {
    expect(product(20, 129, 21)).toEqual(['Gemm', 'Transpose']);
    expect(product(20, 128, 21)).toEqual(['Gemm']);
    expect(product(20, 129, 20)).toEqual(['Gemm']);
    expect(product(1, 129, 21)).toEqual(['Gemm']);
  });

  test('in a batch too', () => {
    const batched = (m: number) =>
      graphOf(
        [
          [2, m, 200],
          [2, 200, 40],
        ],
        (a, b) => matmul(a, b),
      );
    expect(operators(batched(20))).toEqual(['Transpose', 'Transpose', 'MatMul', 'Transpose']);
    expect(operators(batched(40))).toEqual(['MatMul']);
  });
});

const flag = [false, true];
const gemms = flag.flatMap((transA) => flag.map((transB): GemmOptions => ({ transA, transB })));
const biases: (readonly number[] | undefined)[] = [undefined, [], [1], [100], [20, 1], [1, 100], [20, 100]];

describe.each(gemms)('gemm with %j', (options) => {
  test.each(biases.map((bias) => ({ bias })))(
    'and $bias gives the same bits on 1, 2, 3 and 8 threads',
    async ({ bias }) => {
      const [m, k, n] = [20, 300, 100];
      const shapes = [
        options.transA ? [k, m] : [m, k],
        options.transB ? [n, k] : [k, n],
        ...(bias ? [bias] : []),
      ];
      const graph = graphOf(shapes, (a, b, c?: Value) => gemm(a, b, c ? { ...options, bias: c } : options));
      const results = [];
      for (const threads of [1, 2, 3, 8]) results.push(await run(graph, threads));
      for (const result of results) expect(result).toEqual(results[0]);

      const [a, b, c] = shapes.map((shape, i) => waves(elements(shape), i));
      const at = (shape: readonly number[], row: number, column: number) => {
        const [rows, columns] = [1, 1, ...shape].slice(-2);
        return (rows === 1 ? 0 : row) * columns + (columns === 1 ? 0 : column);
      };
      const exact = new Float64Array(m * n);
      for (let i = 0; i < m; i++) {
        for (let j = 0; j < n; j++) {
          let sum = bias ? c[at(bias, i, j)] : 0;
          for (let t = 0; t < k; t++) {
            sum += a[options.transA ? t * m + i : i * k + t] * b[options.transB ? j * k + t : t * n + j];
          }
          exact[i * n + j] = sum;
        }
      }
      // 300 float32 additions, rounded by up to 6e-8 of the sum each, in a random walk: 1e-6 of the sum.
      expect(relativeError(results[0], exact)).toBeLessThan(1e-6);
    },
  );
});

test('few large products in a batch give the same bits on 1, 2, 3 and 8 threads', async () => {
  for (const count of [1, 2, 3]) {
    const graph = graphOf(
      [
        [count, 20, 256],
        [count, 256, 128],
      ],
      (a, b) => matmul(a, b),
    );
    const results = [];
    for (const threads of [1, 2, 3, 8]) results.push(await run(graph, threads));
    for (const result of results) expect(result).toEqual(results[0]);
  }
});

test.each(['native', 'wasm'])('%s: an MLP trains to the same weights on 1, 2 and 4 threads', (engine) => {
  // Processes of their own, because WebAssembly fixes its threads once a process.
  const script = fileURLToPath(new URL('mlp-digest.mjs', import.meta.url));
  const digests = [1, 2, 4].map((threads) =>
    execFileSync(process.execPath, [script, engine, String(threads)], { encoding: 'utf8' }),
  );
  expect(digests[0]).toMatch(/^[0-9a-f]{32}\n$/);
  expect(new Set(digests).size).toBe(1);
});
