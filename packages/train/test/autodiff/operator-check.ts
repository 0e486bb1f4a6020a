import { expect, test } from 'vitest';
import { add, mul } from '../../src/autodiff/arithmetic.ts';
import { gradients } from '../../src/autodiff/gradients.ts';
import { reduceSum } from '../../src/autodiff/reduction.ts';
import { constant, createGraph, elementCount, input, output, type Value } from '../../src/onnx/graph.ts';
import { createSession, type TensorView } from '../../src/runtime/session.ts';
import { interpret } from './float64-interpreter.ts';

/** Numbers of a shape; `low` to `high`, spread evenly but out of order, so that none are equal. */
export interface Numbers {
  readonly shape: readonly number[];
  readonly low?: number;
  readonly high?: number;
  /** Class indices below this number instead of reals; they get no gradient. */
  readonly indicesBelow?: number;
}

export interface OperatorCase {
  readonly name: string;
  readonly inputs: Readonly<Record<string, Numbers>>;
  readonly build: (inputs: Record<string, Value>) => Value | readonly Value[];
}

/**
 * Three promises for an operator: its rule is the derivative, and both runtimes compute value and gradient.
 *
 * 1. The emitted backward nodes, interpreted in float64, equal the five-point difference quotient of the
 *    interpreted forward nodes. The quotient errs by ~h⁴ and 1e-16/h (1e-12 and 1e-13 at h = 1e-3); what is
 *    left is that constants such as 1/n are stored in float32: half an ulp, 6e-8, in a few factors. → 5e-7
 * 2. The native runtime's float32 results, in relative L2, against float64: sums of at most some hundred
 *    terms, each rounded by 6e-8. → 2e-6
 * 3. The same for WebAssembly; so the two runtimes are within 4e-6 of each other.
 */
export function checkOperator({ name, inputs, build }: OperatorCase): void {
  const { graph, feeds, loss, wanted, results } = differentiated(inputs, build);

  test(`${name}: the gradient is the derivative`, () => {
    const exact = interpret(
      graph,
      feeds,
      wanted.map(([, , gradient]) => gradient),
    );
    for (const [key, value, gradient] of wanted) {
      const analytic = exact.get(gradient)!.data;
      const at = (i: number, step: number) => {
        const moved = feeds[key].slice();
        moved[i] += step;
        return interpret(graph, { ...feeds, [key]: moved }, [loss]).get(loss)!.data[0];
      };
      const numeric = analytic.map((_, i) => {
        const h = 1e-3;
        return (8 * (at(i, h) - at(i, -h)) - (at(i, 2 * h) - at(i, -2 * h))) / (12 * h);
      });
      expect(relativeError(analytic, numeric), `∂/∂${key} ${value.shape}`).toBeLessThan(5e-7);
    }
  });

  test.each(['native', 'wasm'] as const)(`${name}: value and gradient in float32 (%s)`, async (engine) => {
    const exact = interpret(graph, feeds, results.values());
    const session = await createSession(graph, { engine });
    const fed = Object.fromEntries(graph.inputs.map((value) => [value.name, view(value, feeds[value.name])]));
    const fetched = Object.fromEntries([...graph.outputs].map(([key, value]) => [key, view(value)]));
    await session.run(fed, fetched);
    await session.release();
    for (const [key, value] of results)
      expect(relativeError(fetched[key].data as Float32Array, exact.get(value)!.data), key).toBeLessThan(
        2e-6,
      );
  });
}

/** loss = Σ cotangent · result, with fixed cotangents without symmetry, and its gradient for every real input. */
function differentiated(inputs: OperatorCase['inputs'], build: OperatorCase['build']) {
  const graph = createGraph();
  const entries = Object.entries(inputs);
  const values = Object.fromEntries(
    entries.map(([key, { shape, indicesBelow }]) => [
      key,
      input(graph, key, shape, indicesBelow ? 'int64' : 'float32'),
    ]),
  );
  const feeds = Object.fromEntries(entries.map(([key, numbers], i) => [key, draw(numbers, i)]));
  const built = [build(values)].flat() as Value[];
  const losses = built.map((value, i) => {
    const cotangent = draw({ shape: value.shape, low: -1, high: 1 }, 17 + i);
    return reduceSum(mul(value, constant(graph, Float32Array.from(cotangent), value.shape)));
  });
  const loss = losses.reduce((a, b) => add(a, b));
  const reals = entries.filter(([, { indicesBelow }]) => !indicesBelow).map(([key]) => key);
  const found = gradients(
    loss,
    reals.map((key) => values[key]),
  );
  const wanted = reals.map((key, i) => [key, values[key], found[i]] as const);
  const results = new Map<string, Value>([
    ...built.map((value, i) => [`result ${i}`, value] as const),
    ...wanted.map(([key, , gradient]) => [`gradient of ${key}`, gradient] as const),
  ]);
  for (const [key, value] of results) output(value, key);
  return { graph, feeds, loss, wanted, results };
}

/** Evenly spread over (low, high), shuffled by a multiplicative step; exact in float32, so both sides see the same numbers. */
function draw({ shape, low = -2, high = 2, indicesBelow }: Numbers, seed: number): Float64Array {
  const count = elementCount(shape);
  const golden = 0.6180339887498949;
  return Float64Array.from({ length: count }, (_, i) => {
    const unit = ((i + 1) * golden + seed * 0.377) % 1;
    return indicesBelow ? Math.floor(unit * indicesBelow) : Math.fround(low + (high - low) * unit);
  });
}

function view(value: Value, numbers?: Float64Array): TensorView {
  const count = elementCount(value.shape);
  const data =
    value.dtype === 'int64'
      ? BigInt64Array.from(numbers!, (x) => BigInt(x))
      : numbers
        ? Float32Array.from(numbers)
        : new Float32Array(count);
  return { data, shape: value.shape };
}

/** ‖a − b‖ / ‖b‖; where b is zero, ‖a‖. */
export function relativeError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let difference = 0;
  let norm = 0;
  for (let i = 0; i < b.length; i++) {
    difference += (a[i] - b[i]) ** 2;
    norm += b[i] ** 2;
  }
  return Math.sqrt(difference) / (Math.sqrt(norm) || 1);
}
