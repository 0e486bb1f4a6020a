import {
  type ArrayTensor,
  type Float32Arithmetic,
  float32Statistics,
  type Named,
  type Operand,
  sizeOf,
  type TensorOps,
} from 'znorm';
import { type Carrier, mapNamed } from '../../../znorm/test/carriers/carrier.ts';
import * as on from '../../src/autodiff/arithmetic.ts';
import { matmul } from '../../src/autodiff/matmul.ts';
import { reduceMax, reduceSum } from '../../src/autodiff/reduction.ts';
import { expand, pad, reshape, slice, transpose } from '../../src/autodiff/shape.ts';
import { constant, createGraph, emit, type Graph, input, output, type Value } from '../../src/onnx/graph.ts';
import type { Engine } from '../../src/runtime/engine.ts';
import { createSession } from '../../src/runtime/session.ts';

const largestFloat32 = 3.4028234663852886e38;

/** Emits every operation as nodes of `graph`. Values exist only when it runs; nothing is to be freed. */
export function onnx(graph: Graph): TensorOps<Value> {
  const lift = (x: Operand<Value>): Value => (typeof x === 'number' ? constant(graph, x) : x);
  const flag = (condition: Value): Value => on.cast(condition, 'float32');
  const axesOf = (axes: readonly number[] | undefined) => (axes ? { axes, keepDims: true } : {});

  const arithmetic: Float32Arithmetic<Value> = {
    shape: (x) => x.shape,
    full: (shape, value) => expand(constant(graph, value), shape),
    copy: (x) => x,

    add: (a, b) => on.add(lift(a), b),
    sub: (a, b) => on.sub(lift(a), b),
    mul: (a, b) => on.mul(lift(a), b),
    div: (a, b) => on.div(lift(a), b),
    maximum: (a, b) => on.maximum(lift(a), b),
    minimum: (a, b) => on.minimum(lift(a), b),
    sqrt: on.sqrt,
    abs: on.abs,

    isFinite: (x) => flag(on.lessOrEqual(on.abs(x), largestFloat32)),
    where: (condition, a, b) => on.where(on.cast(condition, 'bool'), a, b),

    sum: (x, axes) => reduceSum(x, axesOf(axes)),
    pad: (x, axis, count) =>
      pad(x, { before: x.shape.map(() => 0), after: x.shape.map((_, i) => (i === axis ? count : 0)) }),
    reshape,
    tidy: (body) => body(),
  };

  return {
    ...arithmetic,
    ...float32Statistics(arithmetic),
    // ReduceMax passes over NaN, of which the sum then tells.
    max: (x, axes) =>
      on.add(reduceMax(x, axesOf(axes)), arithmetic.sum(on.where(on.equal(x, x), 0, x), axes)),
    sign: (x) => emit(graph, 'Sign', [x], {}, x.shape),
    lessEqual: (a, b) => flag(on.lessOrEqual(lift(a), b)),
    transpose: (x, permutation) => transpose(x, permutation),
    matmul,
    sample: (x, stride, offset) =>
      slice(reshape(x, [sizeOf(x.shape)]), { axis: 0, start: offset, step: stride }),
    branch(flag, whenTrue, whenFalse) {
      if (typeof flag === 'number') return flag !== 0 ? whenTrue() : whenFalse();
      const otherwise = whenFalse();
      return whenTrue().map((x, i) => arithmetic.where(flag, x, otherwise[i]!));
    },
  };
}

export function onnxCarrier(engine: Engine): Carrier {
  return {
    name: `ONNX graph nodes (${engine})`,
    compiles: true,
    compile(computation) {
      async function prepare(inputs: Named<ArrayTensor>) {
        const graph = createGraph();
        const fed = Object.entries(inputs).map(([name, { shape }]) => [
          name,
          input(graph, `in ${name}`, shape),
        ]);
        const results = computation(onnx(graph), Object.fromEntries(fed));
        for (const [name, value] of Object.entries(results)) output(value, `out ${name}`);
        const session = await createSession(graph, { engine });
        return { session, shapes: mapNamed(results, ({ shape }) => shape) };
      }
      let prepared: ReturnType<typeof prepare> | undefined;
      return {
        async run(inputs) {
          prepared ??= prepare(inputs);
          const { session, shapes } = await prepared;
          const feeds = mapNamed(inputs, ({ data, shape }) => ({ data: Float32Array.from(data), shape }));
          const results = mapNamed(shapes, (shape) => ({ data: new Float32Array(sizeOf(shape)), shape }));
          await session.run(prefixed('in ', feeds), prefixed('out ', results));
          return results;
        },
        release: async () => (await prepared)?.session.release(),
      };
    },
  };
}

/** Inputs and outputs of a graph share one space of names. */
function prefixed<V>(prefix: string, named: Named<V>): Named<V> {
  return Object.fromEntries(Object.entries(named).map(([name, value]) => [prefix + name, value]));
}
